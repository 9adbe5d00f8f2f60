/// How long a container that ended waits for its next start: not at all the first time, then base, twice the base, … up to a limit.
/// (Kubernetes: 10 s, doubling, at most 5 minutes.)
package struct Backoff: Equatable, Sendable {
    package var base: Duration
    package var limit: Duration

    package init(base: Duration = .seconds(10), limit: Duration = .seconds(300)) {
        self.base = base
        self.limit = limit
    }

    /// `number` counts restarts from 1.
    package func delay(beforeRestart number: Int) -> Duration {
        guard number > 1 else { return .zero }
        // Past 2^20 every base that makes sense is above the limit; no overflow.
        return min(limit, base * (1 << min(number - 2, 20)))
    }
}
