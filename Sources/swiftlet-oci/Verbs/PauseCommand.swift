import Cgroups
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
        try cgroup { () throws(CgroupError) in try record.group.freeze(within: 10_000) }
        return 0
    }

    func resume() throws(CommandError) -> Int32 {
        guard record.status(call.store) == .paused else {
            throw .state(operation: "resume", id: record.id, reason: "container not paused")
        }
        try cgroup { () throws(CgroupError) in try record.group.thaw() }
        return 0
    }
}
