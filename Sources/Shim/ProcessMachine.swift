package import Executor
package import LinuxSys

/// How a process ended, and when it was reaped (nanoseconds since 1970).
package struct Ending: Equatable, Sendable {
    package var status: UInt32
    package var time: UInt64
    package init(status: UInt32, time: UInt64) {
        self.status = status
        self.time = time
    }
}

/// What becomes of one process, from the launch of its executor to Delete.
///
/// The kernel tells three things independently and in any order: a record or the end of the channel (the program was executed,
/// or the process died before), the pidfd (it has ended), and the end of its output. Every mutating method takes one of them
/// and returns what is to be done; none does it.
package struct ProcessMachine: Equatable, Sendable {
    package enum Role: Equatable, Sendable { case initial, additional }

    package enum Phase: Equatable, Sendable {
        /// An executor sets the container up. The pid is known from its `started` record on.
        case creating(pid: Int32?)
        /// Init waits at its gate; for an exec: it was added and nothing runs yet (pid 0).
        case created(pid: Int32)
        /// Start was called. `ending`: it is gone already, and the channel has not said yet whether it had executed.
        case starting(pid: Int32?, ending: Ending?)
        case running(pid: Int32)
        /// It has ended, and what it wrote is still on its way (exec only).
        case draining(pid: Int32, Ending)
        /// Init has ended, and its status is being stored; nobody is told before it is (rule 2).
        case storing(pid: Int32, Ending)
        case exited(pid: Int32, Ending)
        /// It never ran: create or start failed. The ending is what waiters are told.
        case failed(Ending)
        case deleted
    }

    package enum Action: Equatable, Sendable {
        case none
        /// Create may be answered.
        case created(pid: Int32)
        /// Start may be answered and its event sent; the exit follows if it is there already.
        case started(pid: Int32, andEnded: Ended)
        /// Init has ended: the status is to be stored.
        case store(pid: Int32, Ending)
        /// The exit is to be told.
        case exited(pid: Int32, Ending)
        /// An exec has ended: tell it when its output has drained.
        case drain
        /// Init's Start fails with this (its program cannot be executed).
        case refused(ExecutorFailure, andEnded: Ended)
        /// Create, or an exec's Start, fails with this; waiters are told the ending.
        case failed(ExecutorFailure, Ending)
    }

    /// What a process that was gone before its Start could be answered needs next.
    package enum Ended: Equatable, Sendable {
        case no
        case store(pid: Int32, Ending)
        case drain
    }

    package let role: Role
    package private(set) var phase: Phase
    /// Init died at its gate, and its channel ended before Start was called: it will not end again.
    private var channelIsGone = false

    package init(_ role: Role) {
        self.role = role
        phase = role == .initial ? .creating(pid: nil) : .created(pid: 0)
    }

    /// Of the process, 0 when there is none yet.
    package var pid: Int32 {
        switch phase {
        case .creating(let pid), .starting(let pid, _): pid ?? 0
        case .created(let pid), .running(let pid), .draining(let pid, _), .storing(let pid, _), .exited(let pid, _): pid
        case .failed, .deleted: 0
        }
    }

    /// Nil while waiters have to wait.
    package var ending: Ending? {
        switch phase {
        case .exited(_, let ending), .failed(let ending): ending
        case .creating, .created, .starting, .running, .draining, .storing, .deleted: nil
        }
    }

    /// True when the process may get a signal.
    package var isAlive: Bool {
        switch phase {
        case .creating(let pid): pid != nil
        case .starting(let pid, let ending): pid != nil && ending == nil
        case .created(let pid): pid > 0
        case .running: true
        case .draining, .storing, .exited, .failed, .deleted: false
        }
    }

    /// The executor's `started` record.
    package mutating func launched(pid: Int32) {
        switch phase {
        case .creating: phase = .creating(pid: pid)
        case .starting(_, let ending): phase = .starting(pid: pid, ending: ending)
        case .created, .running, .draining, .storing, .exited, .failed, .deleted: break
        }
    }

    /// Init's `ready` record.
    package mutating func ready() -> Action {
        guard case .creating(let pid?) = phase else { return .none }
        phase = .created(pid: pid)
        return .created(pid: pid)
    }

    /// Init will come from a checkpoint, at Start: nothing runs until then (pid 0).
    package mutating func awaitRestore() {
        guard case .creating(nil) = phase else { return }
        phase = .created(pid: 0)
    }

    /// Start is called. False: not from this phase.
    package mutating func start() -> Bool {
        guard case .created(let pid) = phase else { return false }
        phase = .starting(pid: pid > 0 ? pid : nil, ending: nil)
        return true
    }

    /// The channel has ended: the program was executed, or the process died before it could say why.
    package mutating func channelEnded(now: UInt64) -> Action {
        switch phase {
        case .starting(let pid?, nil):
            phase = .running(pid: pid)
            return .started(pid: pid, andEnded: .no)
        case .starting(let pid?, let ending?):
            return .started(pid: pid, andEnded: settle(pid, ending) == .drain ? .drain : .store(pid: pid, ending))
        case .starting(nil, _), .creating:
            return failed(ExecutorFailure(operation: "start", subject: "", reason: "the set-up process ended without a word"), now: now)
        case .created:
            channelIsGone = true
            return .none
        case .running, .draining, .storing, .exited, .failed, .deleted:
            return .none
        }
    }

    /// A `failed` record.
    package mutating func failed(_ failure: ExecutorFailure, now: UInt64) -> Action {
        switch phase {
        case .starting(let pid?, let found) where role == .initial:
            // It was created and told of; its exit comes the usual way.
            phase = .running(pid: pid)
            guard let found else { return .refused(failure, andEnded: .no) }
            _ = settle(pid, found)
            return .refused(failure, andEnded: .store(pid: pid, found))
        case .creating, .starting:
            let ending = Ending(status: failure.errno == 2 /* ENOENT */ ? 127 : 126, time: now)
            phase = .failed(ending)
            return .failed(failure, ending)
        case .created, .running, .draining, .storing, .exited, .failed, .deleted:
            return .none
        }
    }

    /// The pidfd was reaped.
    package mutating func reaped(_ status: ExitStatus, now: UInt64) -> Action {
        let ending = Ending(status: status.number, time: now)
        switch phase {
        case .creating(let pid):
            // The executor's `failed` record, or the end of its channel, tells why.
            phase = .creating(pid: pid)
            return .none
        case .starting(let pid?, nil) where channelIsGone:
            phase = .running(pid: pid)
            _ = settle(pid, ending)
            let failure = ExecutorFailure(operation: "start", subject: "", reason: "the process ended before it was started")
            return .refused(failure, andEnded: .store(pid: pid, ending))
        case .starting(let pid, nil):
            phase = .starting(pid: pid, ending: ending)
            return .none
        case .created(let pid), .running(let pid):
            return settle(pid, ending)
        case .starting, .draining, .storing, .exited, .failed, .deleted:
            return .none
        }
    }

    /// Output has ended, or the time for it has.
    package mutating func drained() -> Action {
        guard case .draining(let pid, let ending) = phase else { return .none }
        phase = .exited(pid: pid, ending)
        return .exited(pid: pid, ending)
    }

    /// The status is on disk (or cannot be put there, which was reported).
    package mutating func stored() -> Action {
        guard case .storing(let pid, let ending) = phase else { return .none }
        phase = .exited(pid: pid, ending)
        return .exited(pid: pid, ending)
    }

    /// Init is gone: what was added and never started will not be.
    package mutating func containerEnded(_ ending: Ending) -> Action {
        guard role == .additional, case .created = phase else { return .none }
        phase = .failed(ending)
        return .failed(ExecutorFailure(operation: "start", subject: "", reason: "the container has exited"), ending)
    }

    /// Delete: from a phase in which nothing runs. False: not now.
    package mutating func delete() -> Bool {
        switch phase {
        case .exited, .failed, .deleted:
            phase = .deleted
            return true
        case .created(let pid) where pid == 0:
            phase = .deleted
            return true
        case .creating, .created, .starting, .running, .draining, .storing:
            return false
        }
    }

    private mutating func settle(_ pid: Int32, _ ending: Ending) -> Action {
        switch role {
        case .initial:
            phase = .storing(pid: pid, ending)
            return .store(pid: pid, ending)
        case .additional:
            phase = .draining(pid: pid, ending)
            return .drain
        }
    }
}
