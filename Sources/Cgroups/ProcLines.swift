internal import LinuxSys

/// The lines of two files of /proc that every container's creation reads. By bytes and ranges: a host can have thousands of mounts, and a
/// command that lives for a few milliseconds pays for the first use of each kind of slice and collection.
private protocol Lines {
    var bytes: [UInt8] { get }
}

extension Lines {
    func holds(_ place: Range<Int>, _ text: String) -> Bool {
        place.count == text.utf8.count && bytes[place].elementsEqual(text.utf8)
    }
}

/// /proc/PID/cgroup (cgroups(7)): `4:memory:/user`, `2:cpu,cpuacct:/`, `0::/user` (v2).
struct MembershipLines: Lines {
    /// A class, as of lists of objects there is one type for all.
    final class Member {
        /// Empty for v2.
        let controllers: [String]
        let own: String

        init(controllers: [String], own: String) {
            self.controllers = controllers
            self.own = own
        }
    }

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var members: [Member] {
        var result: [Member] = []
        var at = 0
        while at < bytes.count {
            let line = bytes.word(&at, upTo: bytes.count, UInt8(ascii: "\n"))
            if let member = member(line) { result.append(member) }
        }
        return result
    }

    private func member(_ line: Range<Int>) -> Member? {
        var at = line.lowerBound
        let number = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: ":"))
        let list = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: ":"))
        guard at > list.upperBound else { return nil }
        var controllers: [String] = []
        var next = list.lowerBound
        while next < list.upperBound {
            let name = bytes.word(&next, upTo: list.upperBound, UInt8(ascii: ","))
            if !name.isEmpty { controllers.append(String(decoding: bytes[name], as: UTF8.self)) }
        }
        if controllers.isEmpty, !holds(number, "0") { return nil }
        return Member(controllers: controllers, own: String(decoding: bytes[at..<line.upperBound], as: UTF8.self))
    }
}

/// /proc/PID/mountinfo (proc(5)): `31 23 0:28 /root /mount/point rw,… optional… - type source superoptions`; of its lines those of cgroups.
struct MountLines: Lines {
    struct Mount {
        var root: Range<Int>
        var point: Range<Int>
        var isUnified: Bool
        /// Of the file system: under v1 they name the controllers.
        var options: Range<Int>
    }

    let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Mount? {
        while at < bytes.count {
            let line = bytes.word(&at, upTo: bytes.count, UInt8(ascii: "\n"))
            if let mount = mount(line) { return mount }
        }
        return nil
    }

    private func mount(_ line: Range<Int>) -> Mount? {
        // The first ` - ` is the one: what comes before it has its spaces written as octal.
        guard var at = behindDash(line) else { return nil }
        let type = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: " "))
        let isUnified = holds(type, "cgroup2")
        guard isUnified || holds(type, "cgroup") else { return nil }
        _ = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: " "))
        let options = at..<line.upperBound
        at = line.lowerBound
        for _ in 0..<3 { _ = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: " ")) }
        let root = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: " "))
        let point = bytes.word(&at, upTo: line.upperBound, UInt8(ascii: " "))
        return root.isEmpty || point.isEmpty || options.isEmpty
            ? nil : Mount(root: root, point: point, isUnified: isUnified, options: options)
    }

    private func behindDash(_ line: Range<Int>) -> Int? {
        var at = line.lowerBound
        while at + 3 <= line.upperBound {
            if bytes[at + 1] == UInt8(ascii: "-"), bytes[at] == UInt8(ascii: " "), bytes[at + 2] == UInt8(ascii: " ") { return at + 3 }
            at += 1
        }
        return nil
    }

    /// Whether it is a mount of the hierarchy with these controllers (none: v2).
    func shows(_ mount: Mount, _ controllers: [String]) -> Bool {
        if mount.isUnified || controllers.isEmpty { return mount.isUnified && controllers.isEmpty }
        return controllers.allSatisfy { has($0, mount.options) }
    }

    private func has(_ option: String, _ list: Range<Int>) -> Bool {
        var at = list.lowerBound
        while at < list.upperBound {
            if holds(bytes.word(&at, upTo: list.upperBound, UInt8(ascii: ",")), option) { return true }
        }
        return false
    }

    func text(_ place: Range<Int>) -> String { mountTableText(bytes[place]) }
}
