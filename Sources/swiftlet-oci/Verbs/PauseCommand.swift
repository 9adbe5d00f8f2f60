import Cgroups
import Glibc
import LinuxSys
import OCI

/// `pause` and `resume`.
struct PauseCommand {
    private let call: Invocation
    private let record: ContainerRecord

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        record = try call.container(.pause)
    }

    /// What does not come to stand still within ten seconds is let go again.
    func pause() throws(CommandError) -> Int32 {
        let status = record.status(call.store)
        guard status == .running || status == .created else {
            if status == .paused { throw .state(operation: "pause", id: record.id, reason: "container paused") }
            throw .notRunning("pause", record.id)
        }
        let group = record.group
        do throws(CgroupError) {
            if try Self.freeze(group) { return 0 }
        } catch {
            try? group.thaw()
            throw .cgroup(error)
        }
        try cgroup { () throws(CgroupError) in try group.thaw() }
        throw .state(operation: "pause", id: record.id, reason: "not frozen within ten seconds")
    }

    /// False when the time is over first.
    private static func freeze(_ group: Cgroup) throws(CgroupError) -> Bool {
        let deadline = monotonicNanoseconds() + 10_000_000_000
        var pause: UInt32 = 200
        while true {
            // A process that forks meanwhile under v1 leaves the group half frozen until it is asked again.
            try group.freeze()
            if group.frozen { return true }
            guard monotonicNanoseconds() < deadline else { return false }
            usleep(pause)
            pause = min(pause * 2, 20_000)
        }
    }

    func resume() throws(CommandError) -> Int32 {
        guard record.status(call.store) == .paused else {
            throw .state(operation: "resume", id: record.id, reason: "container not paused")
        }
        try cgroup { () throws(CgroupError) in try record.group.thaw() }
        return 0
    }
}
