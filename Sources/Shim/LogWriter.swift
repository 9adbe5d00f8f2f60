internal import CRILog
internal import EventLoop
internal import Executor
internal import LinuxSys

/// The log files of one process, as the shim holds them: which pipes go into which file, and the copier (another process) that moves it.
///
/// A copier runs while there is output, and for some seconds after; a container that says nothing has none. One that was killed is
/// replaced: what it had read and not written is lost (at most one read of 64 KiB), which is reported.
final class LogWriter {
    private let loop: EventLoop
    private let report: (String) -> Void
    private var targets: [LogCopier.Target] = []
    private var sources: [(source: LogCopier.Source, token: Token?)] = []
    private var child: Child?
    private var isFinishing = false
    private var restart: TimerToken?
    private var lastEnd = End.none
    /// Calls for the files to be open (again).
    private var pending: [(String?) -> Void] = []
    private var pendingTimer: TimerToken?
    private(set) var copiersStarted = 0
    var onEnd: (() -> Void)?

    private enum End { case none, killed }

    private final class Child {
        let process: FDBox
        let control: FDBox
        var token: Token?
        init(process: FDBox, control: FDBox) {
            self.process = process
            self.control = control
        }
    }

    private static let openDeadline: UInt64 = 10_000_000_000
    private static let restartDelay: UInt64 = 1_000_000_000

    init(loop: EventLoop, report: @escaping (String) -> Void) {
        self.loop = loop
        self.report = report
    }

    var isUsed: Bool { !targets.isEmpty }
    /// All that came is written, and nothing more will come.
    var isFinished: Bool { child == nil && (sources.isEmpty || isFinishing) }
    /// Nothing waits to be read.
    var isIdle: Bool { sources.allSatisfy { ((try? $0.source.descriptor.fd.bytesWaiting()) ?? 0) == 0 } }

    /// Both streams may name one file: then it is one.
    func place(of target: LogCopier.Target) -> Int {
        if let known = targets.firstIndex(of: target) { return known }
        targets.append(target)
        return targets.count - 1
    }

    func add(_ descriptor: FDBox, _ stream: LogStream, file: Int) {
        sources.append((LogCopier.Source(descriptor: descriptor, stream: stream, file: file), nil))
        guard child == nil, copiersStarted > 0 else { return }
        watchSources()
    }

    /// Opens the files, or opens them again, and says what is wrong with them.
    func open(_ done: @escaping (String?) -> Void) {
        guard isUsed, !isFinishing else { return done(nil) }
        pending.append(done)
        if pendingTimer == nil {
            pendingTimer = loop.after(nanoseconds: Self.openDeadline) { [weak self] in
                guard let self else { return }
                pendingTimer = nil
                let paths = targets.map(\.path).joined(separator: ", ")
                answer("open log \(paths): not done within 10 s")
            }
        }
        if let child {
            do throws(SysError) { try child.control.fd.send([UInt8(ascii: "r")]) } catch { answer("\(error)") }
        } else {
            start()
        }
    }

    private func answer(_ problem: String?) {
        if let pendingTimer { loop.cancel(pendingTimer) }
        pendingTimer = nil
        let all = pending
        pending = []
        for done in all { done(problem) }
    }

    /// What waits to be read is written; then it ends, whoever still holds the other ends.
    func finish() {
        guard !isFinishing else { return }
        isFinishing = true
        unwatchSources()
        guard let child else { return end() }
        _ = try? child.control.fd.send([UInt8(ascii: "f")])
        // Only the copier holds them from here on.
        sources = []
    }

    // MARK: the copier

    private func start() {
        unwatchSources()
        if let restart { loop.cancel(restart) }
        restart = nil
        do throws(SysError) { try launch() } catch {
            report("start a writer of logs: \(error)")
            answer("\(error)")
            restartSoon()
        }
    }

    private func restartSoon() {
        restart = loop.after(nanoseconds: Self.restartDelay) { [weak self] in
            guard let self, child == nil, !isFinishing, !sources.isEmpty else { return }
            start()
        }
    }

    private func launch() throws(SysError) {
        let (ours, theirs) = try FD.recordPair().take { (FDBox($0), FDBox($1)) }
        let side = try cloneProcess()
        switch consume side {
        case .child:
            let occasion: LogCopier.Occasion = lastEnd == .killed ? .death : pending.isEmpty ? .output : .asked
            LogCopier.run(sources.map(\.source), to: targets, on: occasion, control: theirs)
        case .parent(let pid, let pidfd):
            copiersStarted += 1
            let child = Child(process: FDBox(pidfd), control: ours)
            self.child = child
            let watch = ChildWatch(loop: loop) { [weak self] status in self?.ended(child, status) }
            try watch.watch(child.process, pid: pid)
            try ours.fd.setNonBlocking(true)
            child.token = try loop.watch(ours.raw, for: .read) { [weak self] _ in self?.takeReports(child) }
        }
    }

    private func takeReports(_ child: Child) {
        while true {
            do throws(SysError) {
                guard let (bytes, _) = try child.control.fd.receive(limit: 4096), let kind = bytes.first else {
                    if let token = child.token { loop.cancel(token) }
                    child.token = nil
                    return
                }
                take(kind, String(decoding: bytes.dropFirst(), as: UTF8.self))
            } catch {
                if error.errno != 11 /* EAGAIN */, let token = child.token {
                    loop.cancel(token)
                    child.token = nil
                }
                return
            }
        }
    }

    private func take(_ kind: UInt8, _ text: String) {
        switch kind {
        case UInt8(ascii: "o"): answer(nil)
        case UInt8(ascii: "r"): answer(text.isEmpty ? nil : text)
        case UInt8(ascii: "e"):
            // A Create or a rotation is told; otherwise it is the log that says so.
            if pending.isEmpty { report(text) } else { answer(text) }
        case UInt8(ascii: "w"): report(text)
        default: break
        }
    }

    private func ended(_ child: Child, _ status: ExitStatus) {
        takeReports(child)
        if let token = child.token { loop.cancel(token) }
        child.token = nil
        self.child = nil
        lastEnd = .none
        switch status {
        case .code(LogCopier.Status.finished):
            if !isFinishing { sources = [] }
        case .code(LogCopier.Status.idle): break
        case .code: return failed()
        case .signal(let number):
            lastEnd = .killed
            report("the writer of logs was killed by signal \(number): what it had read and not written is lost")
            answer("the writer of logs was killed by signal \(number)")
        }
        if isFinishing || (sources.isEmpty && status == .code(LogCopier.Status.finished)) { return end() }
        watchSources()
    }

    /// It could not open its files: the output waits in the pipe meanwhile, for a second each time.
    private func failed() {
        if isFinishing { return end() }
        if copiersStarted > 1 { restartSoon() }
    }

    private func end() {
        sources = []
        answer(nil)
        let action = onEnd
        action?()
    }

    private func watchSources() {
        for index in sources.indices where sources[index].token == nil {
            sources[index].token = try? loop.watch(sources[index].source.descriptor.raw, for: .read) { [weak self] _ in
                guard let self, child == nil, !isFinishing else { return }
                start()
            }
        }
    }

    private func unwatchSources() {
        for index in sources.indices {
            if let token = sources[index].token { loop.cancel(token) }
            sources[index].token = nil
        }
    }

    /// For SIGUSR1.
    var summary: String {
        let files = targets.map(\.path).joined(separator: ",")
        return "log \(files): \(sources.count) streams, writer \(child == nil ? "none" : "running"), \(copiersStarted) so far"
    }
}
