/// Whether a wait begins with looking instead of with sleep.
///
/// To sleep and be woken takes a processor, above all a virtual one, longer than to answer. Who asks again as soon as it has its answer, many
/// times on end, is waited for awake, but never for long and never after a longer pause. Pure.
package struct Eagerness: Equatable, Sendable {
    /// Nanoseconds that are looked for at most: somewhat more than the sleep and the wake-up of both ends.
    package static let glance: UInt64 = 50_000
    /// So many waits must have been short, one after the other.
    package static let trust = 8

    private let isWorthwhile: Bool
    private var streak = 0

    /// With one processor who is waited for could not run meanwhile.
    package init(processors: Int) { isWorthwhile = processors > 1 }

    package var looks: Bool { isWorthwhile && streak >= Self.trust }

    /// A wait is over after `nanoseconds`; `found` says whether anything came.
    package mutating func waited(_ nanoseconds: UInt64, found: Bool) {
        streak = found && nanoseconds <= Self.glance ? min(streak + 1, Self.trust) : 0
    }
}
