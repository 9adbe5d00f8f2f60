internal import EventLoop
import Glibc
internal import LinuxSys

/// One direction of a process's stdio on the loop: from a pipe, FIFO or pty master to another of them.
///
/// A descriptor is registered with epoll only while it is waited for: HUP is reported unasked, and a source that has hung up
/// while the sink is full would otherwise wake the loop without end.
final class Relay {
    enum Sink {
        case descriptor(FDBox)
    }

    private static let chunk = 16_384

    private let loop: EventLoop
    private var source: FDBox?
    private var sink: Sink?
    private var machine = RelayMachine()
    private var sourceToken: Token?
    private var sinkToken: Token?
    /// The sink's end ends the relay (stdin); otherwise the source is drained on (stdout, stderr).
    private let endsWithSink: Bool
    private var onEnd: (() -> Void)?
    private var moved: UInt64 = 0
    /// Both ends are pipes: what comes need not be copied through this process.
    private let splices: Bool
    private var hasLargePipe = false

    init(loop: EventLoop, from source: FDBox, to sink: Sink, endsWithSink: Bool, onEnd: @escaping () -> Void) throws(SysError) {
        self.loop = loop
        self.source = source
        self.sink = sink
        self.endsWithSink = endsWithSink
        self.onEnd = onEnd
        var ends = [source]
        if case .descriptor(let out) = sink { ends.append(out) }
        var pipes = 0
        for end in ends where try end.fd.fileType() == S_IFIFO { pipes += 1 }
        splices = pipes == 2
        try reconcile()
    }

    var isFinished: Bool { machine.isFinished }

    /// True when nothing is on its way: the source has nothing to read and all that was read is written.
    var isIdle: Bool {
        guard let source, machine.want == .read else { return machine.isFinished }
        return ((try? source.fd.bytesWaiting()) ?? 0) == 0
    }

    /// For SIGUSR1.
    var summary: String { "relay \(machine.want), \(machine.pending.count - machine.written) bytes held, \(moved) moved" }

    /// Ends now; closes both ends.
    func stop() {
        machine.stop()
        settle()
    }

    /// At most this much is moved before others get their turn.
    private static let portion = 1 << 20
    private static let usualPipe = 65_536

    /// False when nothing was moved, and not because the sink is full: the source is empty or has ended, or the sink is gone. Reading
    /// and writing tell which.
    private func splice(_ source: FDBox) -> Bool {
        guard splices, case .descriptor(let out) = sink else { return false }
        var now = 0
        while now < Self.portion, case .bytes(let count)? = try? source.fd.splice(to: out.fd, count: Self.portion) {
            now += count
            if count >= Self.usualPipe { enlargePipe(source) }
        }
        moved += UInt64(now)
        if now > 0 { return true }
        guard let waiting = try? source.fd.bytesWaiting(), waiting > 0, (try? out.fd.hasRoom()) == false else { return false }
        machine.foundSinkFull()
        settle()
        return true
    }

    /// Once a whole pipe came at a time: a larger one wakes everyone less often. The sink stays as its reader knows it: a client
    /// may close its FIFO when it knows of the exit (ctr does), and loses what is in it.
    private func enlargePipe(_ source: FDBox) {
        guard !hasLargePipe else { return }
        hasLargePipe = true
        source.fd.enlargePipe(to: Self.portion)
    }

    private func sinkReady() {
        machine.sinkReady()
        if machine.want == .read { sourceReady() } else { flush() }
        settle()
    }

    private func sourceReady() {
        guard let source, !splice(source) else { return }
        var buffer = [UInt8](repeating: 0, count: Self.chunk)
        do throws(SysError) {
            let transfer = try source.fd.read(into: &buffer)
            machine.received(transfer, buffer)
        } catch {
            // EIO: the last slave of a pty was closed, which is its end of file (pty(7)).
            machine.sourceFailed()
        }
        flush()
    }

    private func flush() {
        while machine.want == .write, case .descriptor(let out) = sink {
            do throws(SysError) {
                let transfer = try out.fd.write(machine.pending, from: machine.written)
                machine.sent(transfer)
                if case .bytes(let count) = transfer { moved += UInt64(count) }
                if transfer == .wouldBlock { break }
            } catch {
                endsWithSink ? machine.stop() : machine.sinkFailed()
            }
        }
        settle()
    }

    private func settle() {
        do throws(SysError) { try reconcile() } catch { machine.stop() }
        guard machine.isFinished else { return }
        for token in [sourceToken, sinkToken] { if let token { loop.cancel(token) } }
        sourceToken = nil
        sinkToken = nil
        source = nil
        sink = nil
        let end = onEnd
        onEnd = nil
        end?()
    }

    /// Makes epoll's registrations what the machine wants.
    private func reconcile() throws(SysError) {
        if machine.want == .read, sourceToken == nil, let source {
            sourceToken = try loop.watch(source.raw, for: .read) { [unowned self] _ in sourceReady() }
        } else if machine.want != .read, let token = sourceToken {
            loop.cancel(token)
            sourceToken = nil
        }
        if machine.want == .write, sinkToken == nil, case .descriptor(let out) = sink {
            sinkToken = try loop.watch(out.raw, for: .write) { [unowned self] _ in sinkReady() }
        } else if machine.want != .write, let token = sinkToken {
            loop.cancel(token)
            sinkToken = nil
        }
    }
}
