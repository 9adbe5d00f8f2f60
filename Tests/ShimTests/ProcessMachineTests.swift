import Executor
import LinuxSys
import Shim
import Testing

/// A reference to a machine, as the checks below are closures.
private final class Machine {
    private var machine: ProcessMachine
    init(_ role: ProcessMachine.Role) { machine = ProcessMachine(role) }
    var phase: ProcessMachine.Phase { machine.phase }
    var ending: Ending? { machine.ending }
    var isAlive: Bool { machine.isAlive }
    func launched(pid: Int32) { machine.launched(pid: pid) }
    func ready() -> ProcessMachine.Action { machine.ready() }
    func start() -> Bool { machine.start() }
    func channelEnded(now: UInt64) -> ProcessMachine.Action { machine.channelEnded(now: now) }
    func failed(_ failure: ExecutorFailure, now: UInt64) -> ProcessMachine.Action { machine.failed(failure, now: now) }
    func reaped(_ status: LinuxSys.ExitStatus, now: UInt64) -> ProcessMachine.Action { machine.reaped(status, now: now) }
    func stored() -> ProcessMachine.Action { machine.stored() }
    func drained() -> ProcessMachine.Action { machine.drained() }
    func containerEnded(_ ending: Ending) -> ProcessMachine.Action { machine.containerEnded(ending) }
    func delete() -> Bool { machine.delete() }
}

@Suite("process machine") struct ProcessMachineTests {
    private let missing = ExecutorFailure(operation: "exec", subject: "nope", reason: "no such file")
    private func running(_ role: ProcessMachine.Role) -> Machine {
        let machine = Machine(role)
        machine.launched(pid: 7)
        _ = machine.ready()
        _ = machine.start()
        machine.launched(pid: 7)
        _ = machine.channelEnded(now: 1)
        return machine
    }

    @Test("create, start, exit of init in the plain order")
    func plainOrder() {
        let machine = Machine(.initial)
        machine.launched(pid: 7)
        #expect(machine.ready() == .created(pid: 7))
        #expect(machine.start())
        #expect(machine.channelEnded(now: 1) == .started(pid: 7, andEnded: .no))
        let ending = Ending(status: 3, time: 9)
        #expect(machine.reaped(.code(3), now: 9) == .store(pid: 7, ending))
        #expect(machine.ending == nil, "nobody is told before the status is stored")
        #expect(machine.stored() == .exited(pid: 7, ending))
        #expect(machine.ending == ending)
        #expect(machine.delete())
    }

    @Test("a process that is gone before its start is answered: start first, then its exit")
    func exitBeforeStartReply() {
        let machine = Machine(.initial)
        machine.launched(pid: 7)
        _ = machine.ready()
        _ = machine.start()
        #expect(machine.reaped(.code(0), now: 5) == .none)
        #expect(machine.ending == nil)
        #expect(machine.channelEnded(now: 6) == .started(pid: 7, andEnded: .store(pid: 7, Ending(status: 0, time: 5))))
        #expect(machine.phase == .storing(pid: 7, Ending(status: 0, time: 5)))
    }

    @Test("an exec that is gone before its start is answered drains before its exit")
    func execExitBeforeStartReply() {
        let machine = Machine(.additional)
        #expect(machine.start())
        machine.launched(pid: 8)
        #expect(machine.reaped(.signal(9), now: 5) == .none)
        #expect(machine.channelEnded(now: 6) == .started(pid: 8, andEnded: .drain))
        #expect(machine.ending == nil)
        #expect(machine.drained() == .exited(pid: 8, Ending(status: 137, time: 5)))
    }

    @Test("init that dies early in create fails the create, with the executor's reason, and once")
    func earlyExitInCreate() {
        let machine = Machine(.initial)
        machine.launched(pid: 7)
        #expect(machine.reaped(.code(1), now: 5) == .none)
        #expect(machine.failed(missing, now: 6) == .failed(missing, Ending(status: 126, time: 6)))
        #expect(machine.channelEnded(now: 7) == .none)
        #expect(machine.ready() == .none)
        #expect(machine.delete())
    }

    @Test("a set-up that ends without a word fails the create")
    func silentEnd() {
        let machine = Machine(.initial)
        guard case .failed(let failure, _) = machine.channelEnded(now: 1) else {
            Issue.record("the create goes on")
            return
        }
        #expect(failure.reason.contains("without a word"))
    }

    @Test("a program that cannot be executed refuses Start and then exits as init does")
    func missingProgram() {
        let machine = Machine(.initial)
        machine.launched(pid: 7)
        _ = machine.ready()
        _ = machine.start()
        #expect(machine.failed(missing, now: 2) == .refused(missing, andEnded: .no))
        #expect(machine.channelEnded(now: 3) == .none)
        #expect(machine.reaped(.code(127), now: 4) == .store(pid: 7, Ending(status: 127, time: 4)))
    }

    @Test("init killed at its gate exits without a start")
    func killedWhenCreated() {
        let machine = Machine(.initial)
        machine.launched(pid: 7)
        _ = machine.ready()
        #expect(machine.reaped(.signal(9), now: 4) == .store(pid: 7, Ending(status: 137, time: 4)))
        #expect(!machine.start())
    }

    @Test("an exec whose program is missing answers 127 to its waiters")
    func missingExecProgram() {
        let machine = Machine(.additional)
        _ = machine.start()
        machine.launched(pid: 9)
        var failure = missing
        failure.errno = 2
        #expect(machine.failed(failure, now: 3) == .failed(failure, Ending(status: 127, time: 3)))
        #expect(machine.reaped(.code(1), now: 4) == .none)
        #expect(machine.ending == Ending(status: 127, time: 3))
    }

    @Test("an exec that was added and not started ends with the container")
    func addedExecEndsWithContainer() {
        let machine = Machine(.additional)
        let ending = Ending(status: 0, time: 3)
        guard case .failed(_, ending) = machine.containerEnded(ending) else {
            Issue.record("it would wait for ever")
            return
        }
        #expect(!machine.start())
        #expect(machine.delete())
    }

    @Test("what runs is not deleted", arguments: [ProcessMachine.Role.initial, .additional])
    func runningIsKept(_ role: ProcessMachine.Role) {
        let machine = running(role)
        #expect(!machine.delete())
        #expect(machine.isAlive)
        _ = machine.reaped(.code(0), now: 2)
        #expect(!machine.isAlive)
        #expect(!machine.delete(), "before its exit was told")
    }

    @Test("start happens once")
    func startOnce() {
        let machine = Machine(.additional)
        #expect(machine.start())
        #expect(!machine.start())
    }

    @Test("init that died at its gate, and whose channel ended before Start was called, fails Start and tells its exit")
    func deadAtTheGate() {
        let machine = Machine(.initial)
        machine.launched(pid: 5)
        _ = machine.ready()
        #expect(machine.channelEnded(now: 1) == .none)
        #expect(machine.start())
        let ending = Ending(status: 137, time: 2)
        guard case .refused(_, andEnded: .store(pid: 5, ending)) = machine.reaped(.signal(9), now: 2) else {
            Issue.record("Start would wait for ever")
            return
        }
    }
}
