internal import Glibc
internal import Synchronization

/// Carries this program's signals to the process that it attends to.
final class SignalWatch: Sendable {
    private struct State {
        var forwarding = SignalForwarding()
        var target: (supervisor: Supervisor, execID: String, terminal: Bool)?
        var abandoned: Int32?
        var giveUp: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())
    private let journal: Journal

    init(_ journal: Journal) {
        self.journal = journal
        let queue = SignalQueue()
        Task { [weak self] in
            for await signal in queue.signals { await self?.received(signal) }
        }
    }

    /// From now on signals go to that process.
    func attend(_ supervisor: Supervisor, _ execID: String, terminal: Bool) async {
        state.withLock {
            $0.target = (supervisor, execID, terminal)
            $0.forwarding.isRunning = true
        }
        await received(SIGWINCH)
    }

    /// Does what can be given up until there is a process to send signals to: a signal cancels it, and it undoes what it has begun.
    func untilAttending<R: Sendable>(_ operation: String, _ body: @escaping @Sendable () async throws -> R) async throws -> R {
        let task = Task { try await body() }
        let signal = state.withLock { state in
            state.giveUp = { task.cancel() }
            return state.abandoned
        }
        if signal != nil { task.cancel() }
        do {
            return try await task.value
        } catch {
            guard let signal = state.withLock({ $0.abandoned }) else { throw error }
            throw CommandFailure(operation, "", "interrupted by SIG\(SignalName(number: signal).name)", status: 128 + signal)
        }
    }

    private func received(_ signal: Int32) async {
        let (action, target) = state.withLock { state in
            let action = state.forwarding.received(signal)
            if case .abandon(let number) = action { state.abandoned = number }
            return (action, state.target)
        }
        if case .abandon = action { state.withLock { $0.giveUp }?() }
        guard let target else { return }
        do {
            switch action {
            case .resize:
                guard target.terminal, let size = TerminalSize.of(0) ?? TerminalSize.of(1) else { return }
                try await target.supervisor.resize(size, target.execID)
            case .forward(let number): try await target.supervisor.kill(number, target.execID)
            case .kill: try await target.supervisor.kill(SIGKILL, target.execID)
            case .abandon: return
            }
        } catch {
            // The process may have just ended: its exit says so.
            journal.debug("signal \(signal): \(error)")
        }
    }
}
