internal import LinuxSys
import OCI

/// Limits as properties of a unit (systemd.resource-control(5), org.freedesktop.systemd1(5)).
///
/// What has no property here is in the files of the cgroup alone, which the container's runtime writes itself as well. The
/// properties are there so that systemd knows the limits and says the same when it writes them again.
struct SystemdProperties {
    let isUnified: Bool
    /// Of systemd: what it does not know yet it would refuse.
    let version: Int

    private static let infinity = UInt64.max

    func limits(_ resources: ResourcesSpec) throws(CgroupError) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        if let memory = resources.memory { result += try limits(memory) }
        if let cpu = resources.cpu { result += try limits(cpu) }
        if let limit = resources.pids?.limit { result.append(SystemdProperty("TasksMax", .uint64(tasks(limit)))) }
        if !isUnified, let weight = resources.blockIO?.weight {
            result.append(SystemdProperty("BlockIOWeight", .uint64(UInt64(weight))))
        }
        // What is said last holds.
        for property in try unified(resources.unified) {
            result.removeAll { $0.name == property.name }
            result.append(property)
        }
        return result
    }

    private func amount(_ value: Int64) -> DBusValue { .uint64(value < 0 ? Self.infinity : UInt64(value)) }

    /// systemd takes no limit of zero.
    private func tasks(_ limit: Int64) -> UInt64 { limit < 0 ? Self.infinity : max(1, UInt64(limit)) }

    private func limits(_ memory: MemorySpec) throws(CgroupError) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        if let limit = memory.limit, limit != 0 { result.append(SystemdProperty(isUnified ? "MemoryMax" : "MemoryLimit", amount(limit))) }
        guard isUnified else { return result }
        if let low = memory.reservation, low != 0 { result.append(SystemdProperty("MemoryLow", amount(low))) }
        if let swap = try Memory.swap(memory) { result.append(SystemdProperty("MemorySwapMax", amount(swap))) }
        return result
    }

    private func limits(_ cpu: CPUSpec) throws(CgroupError) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        if isUnified, cpu.idle == 1, version >= 252 {
            result.append(SystemdProperty("CPUWeight", .uint64(0)))
        } else if let shares = cpu.shares, shares > 0 {
            result.append(
                isUnified
                    ? SystemdProperty("CPUWeight", .uint64(CPU.weight(shares: shares))) : SystemdProperty("CPUShares", .uint64(shares)))
        }
        result += quota(cpu.quota == 0 ? nil : cpu.quota, cpu.period == 0 ? nil : cpu.period)
        if version >= 244 {
            if let cpus = cpu.cpus { result.append(SystemdProperty("AllowedCPUs", try bits(cpus, "linux.resources.cpu.cpus"))) }
            if let mems = cpu.mems { result.append(SystemdProperty("AllowedMemoryNodes", try bits(mems, "linux.resources.cpu.mems"))) }
        }
        return result
    }

    /// Processor time for each second of the clock.
    private func quota(_ quota: Int64?, _ period: UInt64?) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        if let period, version >= 242 { result.append(SystemdProperty("CPUQuotaPeriodUSec", .uint64(period))) }
        guard let quota else { return result }
        let share = UInt64(max(quota, 0)).multipliedFullWidth(by: 1_000_000)
        let divisor = period ?? 100_000
        let perSecond = quota < 0 || share.high >= divisor ? Self.infinity : divisor.dividingFullWidth(share).quotient
        // Below a microsecond there is none.
        result.append(SystemdProperty("CPUQuotaPerSecUSec", .uint64(max(perSecond, 1))))
        return result
    }

    /// `0-2,8` with one bit a number, the lowest first.
    private func bits(_ list: String, _ field: String) throws(CgroupError) -> DBusValue {
        var bytes: [UInt8] = []
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last, last < 8192 else {
                throw .unsupported(field: field, reason: "\(part) is no range")
            }
            for number in first...last {
                let place = Int(number / 8)
                while bytes.count <= place { bytes.append(0) }
                bytes[place] |= 1 << (number % 8)
            }
        }
        return .bytes(bytes)
    }

    /// Files of v2 that have a property.
    private func unified(_ entries: [UnifiedEntry]) throws(CgroupError) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        for entry in entries {
            let field = "linux.resources.unified.\(entry.file)"
            let text = entry.value.trimmed
            switch entry.file {
            case "memory.min", "memory.low", "memory.high", "memory.max":
                result.append(SystemdProperty("Memory" + entry.file.dropFirst(7).capitalizedFirst, .uint64(try number(text, field))))
            case "memory.swap.max": result.append(SystemdProperty("MemorySwapMax", .uint64(try number(text, field))))
            case "pids.max": result.append(SystemdProperty("TasksMax", .uint64(max(1, try number(text, field)))))
            case "cpu.weight":
                guard !entries.contains(where: { $0.file == "cpu.idle" && $0.value.trimmed == "1" }) || version < 252 else { continue }
                result.append(SystemdProperty("CPUWeight", .uint64(try number(text, field))))
            case "cpu.idle": if text == "1", version >= 252 { result.append(SystemdProperty("CPUWeight", .uint64(0))) }
            case "cpu.max":
                let words = text.split(separator: " ")
                guard (1...2).contains(words.count) else { throw .unsupported(field: field, reason: "a quota and a period expected") }
                let amount = try number(words[0], field)
                result += quota(Int64(exactly: amount) ?? -1, words.count == 2 ? try number(words[1], field) : nil)
            case "cpuset.cpus" where version >= 244: result.append(SystemdProperty("AllowedCPUs", try bits(String(text), field)))
            case "cpuset.mems" where version >= 244: result.append(SystemdProperty("AllowedMemoryNodes", try bits(String(text), field)))
            default: continue
            }
        }
        return result
    }

    private func number(_ text: Substring, _ field: String) throws(CgroupError) -> UInt64 {
        if text == "max" { return Self.infinity }
        guard let number = UInt64(text) else { throw .unsupported(field: field, reason: "a number or max expected, found \(text)") }
        return number
    }
}

extension Substring {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
