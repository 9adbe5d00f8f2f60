import Executor
import LinuxSys
import OCI

/// `start`: the word that a created container's init waits for.
struct StartCommand {
    private let call: Invocation
    private let id: String

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        id = try call.given.one("the container's id", of: "start")
    }

    func run() throws(CommandError) -> Int32 {
        let notify = NotifySocket(call.store, id)
        let started = try startAlone(notify)
        if let notify, let said = started.said, let process = started.process.living() {
            try notify.relay(from: said, of: process, pid: started.process.pid)
        }
        return 0
    }

    /// Of two that start at once the second finds a container that runs.
    private func startAlone(_ notify: NotifySocket?) throws(CommandError) -> (process: ProcessIdentity, said: FDBox?) {
        guard let lock = try call.store.lock(id) else { throw .missing("start", id) }
        defer { withExtendedLifetime(lock) {} }
        let record = try call.store.load(id, for: "start")
        let said = try start(record, notify)
        try Self.poststart(id, call, try call.store.spec(record))
        return (record.process, said)
    }

    private func start(_ record: ContainerRecord, _ notify: NotifySocket?) throws(CommandError) -> FDBox? {
        switch record.status(call.store) {
        case .created: break
        case .running: throw .state(operation: "start", id: id, reason: "cannot start an already running container")
        case .stopped: throw .state(operation: "start", id: id, reason: "cannot start a container that has stopped")
        case let other: throw .state(operation: "start", id: id, reason: "cannot start a container in the \(other.rawValue) state")
        }
        let said = try notify?.bind()
        let gate: FDBox
        do { gate = FDBox(try call.store.startSocket(id)) } catch {
            throw .state(operation: "start", id: id, reason: "its init does not answer: \(error.reason)")
        }
        // Before the word: who is killed in between leaves an init that ends with the connection, and no container that seems to wait.
        call.store.forgetStart(id)
        let message = try kernel { () throws(SysError) in
            try gate.fd.send(ExecutorRecord.start.encoded)
            return try gate.fd.receive()
        }
        if let bytes = message?.bytes, case .failed(let failure) = ExecutorRecord(bytes) {
            // runtime.md, "Lifecycle": also after a startContainer hook that failed.
            try? DeleteCommand.remove(record, call)
            throw .executor(failure)
        }
        return said
    }

    /// runtime.md, "Lifecycle": a container of which one fails is stopped and destroyed.
    static func poststart(_ id: String, _ call: Invocation, _ spec: RuntimeSpec) throws(CommandError) {
        guard !spec.hooks.poststart.isEmpty else { return }
        let record = try call.store.load(id, for: "start")
        let process = record.living()
        let session = try ExecutorSession(.poststart(record.reference(process, spec)), log: call.log)
        let outcome = try session.next()
        withExtendedLifetime(process) {}
        if case .failed(let failure) = outcome {
            try? DeleteCommand.remove(record, call)
            throw .executor(failure)
        }
    }
}
