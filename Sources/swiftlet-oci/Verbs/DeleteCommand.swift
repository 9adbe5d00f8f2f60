import Executor
import Glibc
import LinuxSys
import OCI

/// `delete`.
struct DeleteCommand {
    private let call: Invocation
    private let id: String
    private let force: Bool

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        id = try call.given.one("the container's id", of: "delete")
        force = call.given.has("force")
        try StateStore.check(id)
    }

    func run() throws(CommandError) -> Int32 {
        // Of two that delete at once the second finds nothing.
        guard let lock = try call.store.lock(id) else {
            if force { return 0 }
            throw .missing("delete", id)
        }
        let record: ContainerRecord
        do { record = try call.store.load(id, for: "delete") } catch {
            // A directory without a record: it was to become a container, and nothing of it was made yet.
            guard force else { throw error }
            call.store.remove(id)
            return 0
        }
        switch record.status(call.store) {
        case .stopped, .created: break
        case let other where !force:
            throw .state(operation: "delete", id: id, reason: "cannot delete container \(id) that is not stopped: \(other.rawValue)")
        case .creating: try stopCreator(record)
        case .running, .paused: break
        }
        try Self.remove(record, call)
        withExtendedLifetime(lock) {}
        return 0
    }

    /// What it had made until then is found by its record.
    private func stopCreator(_ record: ContainerRecord) throws(CommandError) {
        guard let creator = record.creator?.living() else { return }
        // ESRCH: it has ended meanwhile.
        try? creator.fd.signalProcess(SIGKILL)
        try kernel { () throws(SysError) in _ = try pollDescriptors([(creator.raw, Int16(POLLIN))], milliseconds: 10_000) }
    }

    static func remove(_ id: String, _ call: Invocation) throws(CommandError) { try remove(call.store.load(id, for: "delete"), call) }

    /// `spec`: config.json, if it was read already.
    static func remove(_ record: ContainerRecord, _ call: Invocation, _ spec: RuntimeSpec? = nil) throws(CommandError) {
        let process = record.living()
        // Without one the bundle's own is what is left to go by.
        let known = if let spec { spec } else { try? call.store.spec(record) }
        let session = try ExecutorSession(.delete(record.reference(process, known)), log: call.log)
        let outcome = try session.next()
        withExtendedLifetime(process) {}
        switch outcome {
        case .done: call.store.remove(record.id)
        case .failed(let failure): throw .executor(failure)
        case .ready, .ended: throw .state(operation: "delete", id: record.id, reason: "the executor ended without a word")
        }
    }
}
