extension PodMachine {
    package struct Container: Equatable, Sendable {
        package enum Role: Equatable, Sendable {
            /// Runs to its end before the next one starts.
            case initial
            /// An init container that always restarts: the next one waits until it has started, and it goes on beside the others.
            case sidecar
            case main
        }
        package enum Phase: String, Sendable {
            case waiting = "Waiting", creating = "Creating", created = "Created", running = "Running", backoff = "BackOff", exited =
                "Exited"
        }
        /// Why a container that runs is being ended though its pod goes on.
        enum Ending: Equatable, Sendable {
            case probe(ProbeKind), postStart
        }
        /// Results of one probe in a row.
        struct Tally: Equatable, Sendable {
            var passes = 0
            var failures = 0
        }

        package var name: String
        package var role: Role
        package var phase = Phase.waiting
        /// Of the latest attempt.
        package var id: String?
        package var restarts = 0
        /// Of every attempt that ended.
        package var exits: [Exit] = []
        /// Of the latest attempt, nil while there is none.
        package var exit: Exit?
        /// The exit came after the kubelet had asked for it.
        package var wasStopped = false
        /// Its probes say so, or it runs and has none.
        package var isReady = false
        /// It runs, its postStart hook went well and its startup probe passed.
        package var isStarted = false
        /// `isStarted` was true in this attempt or one before.
        var hasStarted = false
        /// StartContainer was called for the latest attempt.
        var startAsked = false
        /// An end was asked of the latest attempt.
        var stopAsked = false
        var removalPending = false
        var ending: Ending?
        var hook: HookKind?
        var tallies: [ProbeKind: Tally] = [:]
        /// Restarts since an attempt last ran for long.
        var delays = 0

        init(name: String, role: Role) { (self.name, self.role) = (name, role) }

        /// Something of it is on its way or runs: its pod cannot be taken down yet. One that was created and never started has no exit to
        /// wait for.
        var isBusy: Bool { phase == .creating || phase == .running || (phase == .created && startAsked) }

        /// What held for the attempt before holds no more.
        mutating func beginAttempt() {
            id = nil
            (startAsked, stopAsked, isReady, isStarted) = (false, false, false, false)
            (ending, hook) = (nil, nil)
            tallies = [:]
        }
    }
}
