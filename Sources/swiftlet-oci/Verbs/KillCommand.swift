import Cgroups
import Glibc
import LinuxSys

/// `kill`.
struct KillCommand {
    private let record: ContainerRecord
    private let signal: Int32
    private let all: Bool
    private let call: Invocation

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        guard (1...2).contains(call.given.rest.count) else { throw .usage("kill: the container's id and a signal expected") }
        signal = try call.given.rest.count == 2 ? Self.number(call.given.rest[1]) : SIGTERM
        record = try call.store.load(call.given.rest[0], for: "kill")
        all = call.given.has("all")
    }

    func run() throws(CommandError) -> Int32 {
        let initial = record.living()
        if all { try signalAll() } else if initial == nil { throw .notRunning("kill", record.id) }
        if let initial {
            do { try initial.fd.signalProcess(signal) } catch {
                guard error.errno == ESRCH else { throw .kernel(error) }
                if !all { throw .notRunning("kill", record.id) }
            }
        }
        // A frozen process dies only when it is thawed (v1).
        if signal == SIGKILL, record.group.frozen { try cgroup { () throws(CgroupError) in try record.group.thaw() } }
        return 0
    }

    /// Each by a pidfd: a number could be another's by the time that it is used.
    private func signalAll() throws(CommandError) {
        let group = record.group
        for pid in try cgroup({ () throws(CgroupError) in try group.processes() }) where pid != record.process.pid {
            try? FD.pidfd(of: pid).signalProcess(signal)
        }
    }

    /// 0 asks whether it lives, as kill(2) does.
    static func number(_ text: String) throws(CommandError) -> Int32 {
        if text == "0" { return 0 }
        guard let number = SignalNames.number(text) else { throw .usage("kill: unknown signal \(text)") }
        return number
    }
}
