internal import Images
internal import Synchronization

/// How far long work is: one line on stderr that is drawn over when that is a terminal, else a plain line on stdout per part
/// (so that what stands on stderr is the error and nothing else).
final class ProgressDisplay: Sendable {
    private struct State {
        var parts: [String: LoadProgress] = [:]
        var order: [String] = []
        var announced: Set<String> = []
        var drawn = ""
    }
    private let state = Mutex(State())
    private let isTerminal: Bool
    private let isQuiet: Bool

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        isTerminal = StandardStream.error.isTerminal
    }

    func show(_ progress: LoadProgress) {
        guard !isQuiet else { return }
        state.withLock { state in
            if state.parts.updateValue(progress, forKey: progress.subject) == nil { state.order.append(progress.subject) }
            guard isTerminal else { return announce(progress, &state) }
            let line = Self.line(state.order.compactMap { state.parts[$0] })
            guard line != state.drawn else { return }
            state.drawn = line
            StandardStream.error.write("\r\u{1b}[K\(line)")
        }
    }

    /// Takes the line off the terminal.
    func clear() {
        state.withLock { state in
            if !state.drawn.isEmpty { StandardStream.error.write("\r\u{1b}[K") }
            state.drawn = ""
        }
    }

    /// Each part once, when it begins and when all of it was read.
    private func announce(_ progress: LoadProgress, _ state: inout State) {
        let isComplete = progress.total > 0 && progress.done >= progress.total
        let key = "\(progress.stage.rawValue) \(progress.subject) \(isComplete)"
        guard isComplete || progress.done == 0, state.announced.insert(key).inserted else { return }
        let subject = ContainerID.short(progress.subject)
        let name = progress.subject.hasPrefix("sha256:") ? subject : progress.subject
        say("\(progress.stage.rawValue) \(name)\(isComplete ? ", \(ByteSize(bytes: Int64(clamping: progress.total)).text) done" : "")")
    }

    /// `unpacking [#########-----------] 45% of 12.0 MiB (2 of 3 layers)`
    static func line(_ parts: [LoadProgress]) -> String {
        guard let stage = parts.last?.stage else { return "" }
        let total = parts.reduce(0) { $0 + $1.total }
        let done = min(total, parts.reduce(0) { $0 + min($1.done, $1.total) })
        let percent = total == 0 ? 0 : Int(done * 100 / total)
        let filled = percent / 5
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        let complete = parts.count { $0.total > 0 && $0.done >= $0.total }
        return "\(stage.rawValue) [\(bar)] \(percent)% of \(ByteSize(bytes: Int64(clamping: total)).text) (\(complete) of \(parts.count))"
    }
}
