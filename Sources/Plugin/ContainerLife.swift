/// How a container's process ended.
package struct ContainerExit: Equatable, Sendable {
    /// As CRI's ContainerStatus.reason says it.
    package enum Reason: String, Sendable {
        case completed = "Completed", error = "Error", outOfMemory = "OOMKilled"
        /// It never came to execute its program.
        case startError = "StartError"
        /// Its shim was gone, and with it who could have told.
        case unknown = "Unknown"
    }
    package var code: UInt32
    /// Unix nanoseconds.
    package var time: UInt64
    package var reason: Reason
    package var message = ""

    package init(code: UInt32, time: UInt64, reason: Reason, message: String = "") {
        self.code = code
        self.time = time
        self.reason = reason
        self.message = message
    }

    /// An exit that the shim reported.
    package init(code: UInt32, time: UInt64, outOfMemory: Bool) {
        self.init(code: code, time: time, reason: outOfMemory ? .outOfMemory : code == 0 ? .completed : .error)
    }
}

/// The states of one container and the only ways between them. Events leave in the order created, started, stopped,
/// also when the exit overtakes the answer to Start.
package enum ContainerLife: Equatable, Sendable {
    case created
    /// Start was asked for; an exit that came meanwhile waits for its answer.
    case starting(exit: ContainerExit?)
    case running(since: UInt64)
    /// `started` is nil for one that never ran.
    case exited(started: UInt64?, ContainerExit)

    package enum Event: Equatable, Sendable { case started, stopped }

    package var name: String {
        switch self {
        case .created: "created"
        case .starting: "starting"
        case .running: "running"
        case .exited: "exited"
        }
    }

    package var exit: ContainerExit? { if case .exited(_, let exit) = self { exit } else { nil } }

    /// False in a state from which nothing can be started.
    package mutating func startAsked() -> Bool {
        guard case .created = self else { return false }
        self = .starting(exit: nil)
        return true
    }

    package mutating func startAnswered(at time: UInt64) -> [Event] {
        guard case .starting(let exit) = self else { return [] }
        guard let exit else {
            self = .running(since: time)
            return [.started]
        }
        // It cannot have ended before it began: the answer is what came late.
        self = .exited(started: min(time, exit.time), exit)
        return [.started, .stopped]
    }

    package mutating func startFailed(_ message: String, at time: UInt64) -> [Event] {
        guard case .starting = self else { return [] }
        // 128 is what containerd reports for a program that was never executed.
        self = .exited(started: nil, ContainerExit(code: 128, time: time, reason: .startError, message: message))
        return [.stopped]
    }

    package mutating func ended(_ exit: ContainerExit) -> [Event] {
        switch self {
        case .created:
            self = .exited(started: nil, exit)
            return [.stopped]
        case .starting(let known):
            self = .starting(exit: known ?? exit)
            return []
        case .running(let started):
            self = .exited(started: started, exit)
            return [.stopped]
        case .exited: return []
        }
    }
}
