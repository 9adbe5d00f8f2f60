internal import Images
internal import Synchronization

/// Lets several tasks report to one listener.
final class OneByOne: Sendable {
    private let turn = Mutex(())
    private let listener: @Sendable (LoadProgress) -> Void

    init(_ listener: @escaping @Sendable (LoadProgress) -> Void) { self.listener = listener }

    func show(_ step: LoadProgress) { turn.withLock { _ in listener(step) } }
}
