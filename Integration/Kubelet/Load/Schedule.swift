/// When each pod of a load begins, and which are deleted when: a value, so that a run can be said again with its seed.
package struct Schedule: Sendable {
    package enum Step: Equatable, Sendable {
        /// Numbers from 1.
        case begin(Int)
        case replace(old: Int, new: Int)
        /// Nanoseconds.
        case wait(UInt64)
    }

    private let settings: LoadRun.Settings
    private let start: UInt64
    private var alive: [Int] = []
    private var begun = 0
    private var replaced = 0
    private var random: UInt64

    /// `start` in nanoseconds.
    package init(_ settings: LoadRun.Settings, start: UInt64) {
        (self.settings, self.start) = (settings, start)
        // xorshift does not leave zero.
        random = settings.seed | 1
    }

    package func isOver(at now: UInt64) -> Bool {
        begun >= settings.pods && .nanoseconds(Int64(now - start)) >= settings.duration
    }

    package mutating func next(at now: UInt64) -> Step {
        let seconds = Double(now - start) / 1e9
        if begun < settings.pods, Double(begun) <= seconds * settings.rate {
            begun += 1
            alive.append(begun)
            return .begin(begun)
        }
        if settings.deletions > 0, !alive.isEmpty, Double(replaced + 1) <= seconds * settings.deletions {
            replaced += 1
            let index = Int(number() % UInt64(alive.count))
            let (old, new) = (alive[index], settings.pods + replaced)
            alive[index] = new
            return .replace(old: old, new: new)
        }
        var next = 0.2
        if begun < settings.pods { next = min(next, Double(begun) / settings.rate - seconds) }
        if settings.deletions > 0 { next = min(next, Double(replaced + 1) / settings.deletions - seconds) }
        return .wait(UInt64(max(next, 0.001) * 1e9))
    }

    private mutating func number() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random >> 3
    }
}
