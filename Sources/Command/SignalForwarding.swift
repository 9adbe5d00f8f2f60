/// What a foreground command does with a signal that it gets.
enum SignalAction: Equatable, Sendable {
    case resize
    case forward(Int32)
    /// The person wants out and the container does not listen: it is killed.
    case kill
    /// Nothing runs yet: undo, and end as if killed by that signal.
    case abandon(Int32)
}

/// The rule of the third time: every signal goes to the container, the third SIGINT or SIGTERM kills it
/// (docker's client forces its way out at the third, too; without a daemon nobody else would clean up).
struct SignalForwarding: Equatable, Sendable {
    static let windowChange: Int32 = 28
    var isRunning = false
    private var asked = 0

    init() {}

    mutating func received(_ signal: Int32) -> SignalAction {
        if signal == Self.windowChange { return .resize }
        guard isRunning else { return .abandon(signal) }
        guard signal == 2 || signal == 15 else { return .forward(signal) }
        asked += 1
        return asked < 3 ? .forward(signal) : .kill
    }
}
