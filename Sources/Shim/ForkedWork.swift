internal import EventLoop
import Glibc
internal import LinuxSys

/// A child that does one thing that may block (fsync, a slow file system), while the loop goes on. A child costs half a millisecond of
/// processor time: what cannot block does without.
enum ForkedWork {
    /// Calls `done` with what `work` returned (0 … 127), or nil when it threw, died or took longer than `deadline` nanoseconds
    /// (it is killed then). `work` runs in a copy of this process and can change nothing here.
    static func run(on loop: EventLoop, deadline: UInt64, _ work: () throws(SysError) -> Int32, done: @escaping (Int32?) -> Void) {
        do throws(SysError) {
            switch try cloneProcess() {
            case .child:
                do throws(SysError) { exitNow(try work() & 0x7f) } catch { exitNow(255) }
            case .parent(let pid, let pidfd):
                let child = ChildWatch(loop: loop) { status in
                    if case .code(let code) = status, code < 128 { done(code) } else { done(nil) }
                }
                try child.watch(FDBox(pidfd), pid: pid, deadline: deadline)
            }
        } catch { done(nil) }
    }

    /// The same for `work` that only reads and writes files in `directory`. When that is in memory nothing of it waits: it is done here,
    /// and `done` called before the next wait of the loop.
    static func files(
        in directory: String, on loop: EventLoop, deadline: UInt64, _ work: () throws(SysError) -> Int32, done: @escaping (Int32?) -> Void
    ) {
        guard isInMemory(directory) else { return run(on: loop, deadline: deadline, work, done: done) }
        let result = try? work()
        loop.soon { done(result) }
    }

    /// What a pipe takes at once.
    private static let room = 64 << 10

    /// The same with at most 64 KiB as the result. Errors name `subject`.
    static func bytes(
        on loop: EventLoop, deadline: UInt64, subject: String, _ work: () throws(TaskError) -> [UInt8],
        done: @escaping (Result<[UInt8], TaskError>) -> Void
    ) {
        let (words, mouth): (FDBox, FDBox)
        do throws(SysError) {
            (words, mouth) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
            try words.fd.setNonBlocking(true)
        } catch { return done(.failure(.kernel(error))) }
        run(on: loop, deadline: deadline) { () throws(SysError) in
            do throws(TaskError) {
                let bytes = try work()
                do throws(SysError) { try mouth.fd.writeAll(bytes) } catch { throw .kernel(error) }
                return 0
            } catch {
                try mouth.fd.writeAll(Array(error.reason.utf8.prefix(4096)))
                return 1
            }
        } done: { status in
            var text = [UInt8](repeating: 0, count: room)
            var count = 0
            if case .bytes(let found)? = try? words.fd.read(into: &text) { count = found }
            switch status {
            case 0: done(.success(Array(text[..<count])))
            case 1 where count > 0: done(.failure(.invalid(subject, String(decoding: text[..<count], as: UTF8.self))))
            default: done(.failure(.deadline(subject, "no answer within \(deadline / 1_000_000_000) s")))
            }
        }
    }
}

/// Waits for one child by its pidfd and reaps it.
final class ChildWatch {
    private let loop: EventLoop
    private var pidfd: FDBox?
    private var token: Token?
    private var timer: TimerToken?
    private var pid: Int32 = 0
    private let ended: (ExitStatus) -> Void

    init(loop: EventLoop, _ ended: @escaping (ExitStatus) -> Void) {
        self.loop = loop
        self.ended = ended
    }

    /// The registration keeps this object alive until the child has ended. With a deadline the child is killed when it is over.
    func watch(_ pidfd: FDBox, pid: Int32, deadline: UInt64? = nil) throws(SysError) {
        self.pidfd = pidfd
        self.pid = pid
        loop.awaitedChildren.insert(pid)
        token = try loop.watch(pidfd.raw, for: .read) { [self] _ in check() }
        guard let deadline else { return }
        timer = loop.after(nanoseconds: deadline) { [weak self] in try? self?.pidfd?.fd.signalProcess(9) }
    }

    private func check() {
        guard let child = pidfd else { return }
        let status: ExitStatus
        do throws(SysError) {
            guard let found = try child.fd.reap(blocking: false) else { return }
            status = found
        } catch {
            status = .code(255)  // reaped by someone else (ECHILD): gone all the same
        }
        if let token { loop.cancel(token) }
        if let timer { loop.cancel(timer) }
        token = nil
        timer = nil
        pidfd = nil
        loop.awaitedChildren.remove(pid)
        ended(status)
    }
}
