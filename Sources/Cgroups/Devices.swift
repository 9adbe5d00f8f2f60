import Glibc
internal import LinuxSys
import OCI

extension Cgroup {
    /// By lists under v1 (kernel: admin-guide/cgroup-v1/devices.rst), by a program under v2.
    func applyDevices(_ rules: [DeviceRule]) throws(CgroupError) {
        let policy = DevicePolicy(rules)
        guard let place = place(of: "devices") else {
            // Nor may a user write to the lists.
            if SystemdManager.Scope.own == .user { return }
            throw .unsupported(field: "linux.resources.devices", reason: "this host has no devices controller")
        }
        switch place.version {
        case .v1:
            try write(Self.deviceWrites(policy), in: place.path)
        case .v2:
            do {
                let directory = try FD.open(place.path, O_RDONLY | O_DIRECTORY)
                try attachDeviceProgram(DeviceProgram(policy).instructions, to: directory, name: place.path)
            } catch {
                // A user may not load programs, and cannot make device nodes either: there is nothing to be kept out of.
                guard error.errno == EPERM, SystemdManager.Scope.own == .user else { throw .kernel(error) }
            }
        }
    }

    /// Changes the rules of a group in use, at no time to more than the old or the new ones allow.
    func replaceDevices(_ rules: [DeviceRule]) throws(CgroupError) {
        guard let place = place(of: "devices"), place.version == .v1 else { return try applyDevices(rules) }
        let wanted = DevicePolicy(rules)
        let present = DeviceList(try ControlFile.read("\(place.path)/devices.list"))
        try write(present.changes(to: wanted), in: place.path)
    }

    /// A class, as of lists of objects there is one type for all.
    final class DeviceWrite: Equatable {
        let file: String
        let value: String

        init(file: String, value: String) {
            self.file = file
            self.value = value
        }

        static func == (one: DeviceWrite, other: DeviceWrite) -> Bool { one.file == other.file && one.value == other.value }
    }

    /// A list is opened once for all that is written to it, one rule a call.
    private func write(_ rules: [DeviceWrite], in directory: String) throws(CgroupError) {
        var open: (name: String, file: FDBox)?
        for rule in rules {
            let path = "\(directory)/\(rule.file)"
            do {
                if open?.name != rule.file { open = (rule.file, FDBox(try FD.open(path, O_WRONLY))) }
                _ = try open?.file.fd.write(Array(rule.value.utf8))
            } catch { throw .kernel(SysError(error.errno, "write \(rule.value) to", on: path)) }
        }
    }

    static func deviceWrites(_ policy: DevicePolicy) throws(CgroupError) -> [DeviceWrite] {
        let (first, other) = policy.allowsByDefault ? ("devices.allow", "devices.deny") : ("devices.deny", "devices.allow")
        var writes = [DeviceWrite(file: first, value: "a")]
        for rule in try policy.exceptions() { writes.append(DeviceWrite(file: other, value: rule.text)) }
        return writes
    }
}

/// devices.list of v1: `a *:* rwm` when everything is allowed that is not taken out (which is not listed), or one line for
/// each exception to nothing.
struct DeviceList: Equatable {
    private struct Device: Hashable {
        var kind: String
        var numbers: String
    }

    private var access: [Device: Set<Character>] = [:]
    private var order: [Device] = []
    private(set) var allowsByDefault = false

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3 else { continue }
            if words[0] == "a" { allowsByDefault = true } else { add(String(words[0]), String(words[1]), words[2]) }
        }
    }

    private init(_ rules: [DeviceRule]) {
        for rule in rules {
            let words = rule.text.split(separator: " ")
            add(String(words[0]), String(words[1]), words[2])
        }
    }

    private mutating func add(_ kind: String, _ numbers: String, _ letters: Substring) {
        let device = Device(kind: kind, numbers: numbers)
        if access[device] == nil { order.append(device) }
        access[device, default: []].formUnion(letters)
    }

    /// From one set of exceptions to another only what differs is written, so that a process that uses what stays sees nothing of it.
    func changes(to policy: DevicePolicy) throws(CgroupError) -> [Cgroup.DeviceWrite] {
        guard !allowsByDefault, !policy.allowsByDefault else { return try Cgroup.deviceWrites(policy) }
        let wanted = DeviceList(try policy.exceptions())
        return difference(from: wanted, "devices.deny") + wanted.difference(from: self, "devices.allow")
    }

    private func difference(from other: DeviceList, _ file: String) -> [Cgroup.DeviceWrite] {
        order.compactMap { device in
            let letters = "rwm".filter { access[device]?.contains($0) == true && other.access[device]?.contains($0) != true }
            return letters.isEmpty ? nil : .init(file: file, value: "\(device.kind) \(device.numbers) \(letters)")
        }
    }
}
