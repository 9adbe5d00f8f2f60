import Cgroups
import Glibc
import LinuxSys
import OCI

/// `update`: other limits for a container that is there.
struct UpdateCommand {
    private let call: Invocation
    private let record: ContainerRecord
    private let resources: ResourcesSpec

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        record = try call.container(.update)
        for option in ["l3-cache-schema", "mem-bw-schema"] where call.given.has(option) {
            throw .usage("--\(option): Intel RDT limits of a container that exists cannot be changed")
        }
        let document: JSON
        if let path = call.given.value("resources") { document = try Self.file(path) } else { document = try Self.options(call.given) }
        guard case .object = document else { throw .usage("resources: an object expected, found \(document.kind)") }
        do { resources = try ResourcesSpec(json: document.encoded()) } catch { throw .usage("update: \(error)") }
    }

    func run() throws(CommandError) -> Int32 {
        guard record.status(call.store) != .stopped else { throw .notRunning("update", record.id) }
        try cgroup { () throws(CgroupError) in try record.group.update(resources) }
        return 0
    }

    private static func file(_ path: String) throws(CommandError) -> JSON {
        let bytes = try kernel { () throws(SysError) in
            let file = path == "-" ? try FD.copy(of: 0) : try FD.open(path, O_RDONLY)
            return try file.readAll(limit: SpecError.documentLimit)
        }
        return try Files.json(bytes, path == "-" ? "standard input" : path)
    }

    private enum Form { case size, number, text }

    /// The option, the section of the document and its member.
    private static let places: [(option: String, section: String, member: String, form: Form)] = [
        ("memory", "memory", "limit", .size), ("memory-reservation", "memory", "reservation", .size),
        ("memory-swap", "memory", "swap", .size),
        ("kernel-memory", "memory", "kernel", .size), ("kernel-memory-tcp", "memory", "kernelTCP", .size),
        ("cpu-share", "cpu", "shares", .number), ("cpu-quota", "cpu", "quota", .number), ("cpu-period", "cpu", "period", .number),
        ("cpu-burst", "cpu", "burst", .number), ("cpu-rt-period", "cpu", "realtimePeriod", .number),
        ("cpu-rt-runtime", "cpu", "realtimeRuntime", .number), ("cpu-idle", "cpu", "idle", .number),
        ("cpuset-cpus", "cpu", "cpus", .text), ("cpuset-mems", "cpu", "mems", .text), ("pids-limit", "pids", "limit", .number),
        ("blkio-weight", "blockIO", "weight", .number),
    ]

    static func options(_ given: Arguments) throws(CommandError) -> JSON {
        var document = JSONObject()
        for (option, section, member, form) in places {
            guard let text = given.value(option) else { continue }
            var object = document[section]?.object ?? JSONObject()
            switch form {
            case .text: object[member] = .string(text)
            case .number: object[member] = try given.number(option).map { .integer($0) }
            case .size:
                guard let bytes = ByteSize.parse(text) else { throw .usage("--\(option): a size like 64m expected, found \(text)") }
                object[member] = .integer(bytes)
            }
            document[section] = .object(object)
        }
        return .object(document)
    }
}

/// Sizes as people write them: `512`, `64k`, `1.5g`, `2GiB`; -1 is no limit. Letters are powers of 1024.
enum ByteSize {
    static func parse(_ text: String) -> Int64? {
        if text == "-1" { return -1 }
        let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard digits.first?.isNumber == true, let amount = Double(String(digits)) else { return nil }
        var unit = text.dropFirst(digits.count).lowercased()[...]
        if unit.hasPrefix(" ") { unit = unit.dropFirst() }
        var factor = 1.0
        if let letter = unit.first, let power = "kmgtp".firstIndex(of: letter) {
            factor = Double(UInt64(1) << UInt64(10 * ("kmgtp".distance(from: "kmgtp".startIndex, to: power) + 1)))
            unit = unit.dropFirst()
            if unit == "ib" { unit = "" }
        }
        guard unit.isEmpty || unit == "b" else { return nil }
        let bytes = amount * factor
        return bytes < 9.2e18 ? Int64(bytes) : nil
    }
}
