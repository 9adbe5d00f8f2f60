import EventLoop
import LinuxSys
import TTRPC

/// One stream socket on the loop: frames in, frames out. Neither direction ever blocks or holds more than its bound.
final class FrameConnection {
    /// From here on nothing more is read until the peer has taken some of what waits for it.
    static let highWater = 1 << 20
    /// A peer that reads nothing and still causes answers is cut off here.
    static let mostPending = 16 << 20
    private static let chunk = 16_384
    /// Most of what comes is less: room for that is on the stack.
    private static let smallChunk = 1000

    private let loop: EventLoop
    private let socket: FDBox
    private var token: Token?
    private var decoder = FrameDecoder()
    private var pending: [UInt8] = []
    private var sent = 0
    /// What epoll waits for.
    private var interest = Interest.read
    private let onEvent: (FrameEvent) -> Void
    private let onClose: (String) -> Void
    private(set) var isClosed = false

    /// `onClose` is called once, with the reason, and never for a `close()` of this side.
    init(
        loop: EventLoop, socket: FDBox, onEvent: @escaping (FrameEvent) -> Void, onClose: @escaping (String) -> Void
    ) throws(SysError) {
        self.loop = loop
        self.socket = socket
        self.onEvent = onEvent
        self.onClose = onClose
        // Not weak: what has ever been referred to weakly counts its references more slowly for good.
        token = try loop.watch(socket.raw, for: .read) { [unowned self] in ready($0) }
    }

    deinit { if let token { loop.cancel(token) } }

    var waiting: Int { pending.count - sent }
    var isCongested: Bool { waiting >= Self.highWater }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        // What was said in this round goes out as far as the peer takes it at once.
        while waiting > 0, case .bytes(let count)? = try? socket.fd.sendSome(pending, from: sent) { sent += count }
        if let token { loop.cancel(token) }
        token = nil
        pending = []
        sent = 0
    }

    /// Frames leave when the round of the loop is over, all that were sent in it at once: who answers many calls in one round wakes
    /// each peer once, and after the work is done.
    func send(_ frame: Frame) {
        guard !isClosed else { return }
        let wasIdle = waiting == 0
        frame.append(to: &pending)
        if isCongested {
            flush()
            if waiting > Self.mostPending { return end("the peer does not read: \(waiting) bytes wait for it") }
        }
        if wasIdle { loop.soon { self.flush() } }
    }

    private func ready(_ readiness: Readiness) {
        if readiness.contains(.write) { flush() }
        let isOver = readiness.contains(.hangup) || readiness.contains(.error)
        // A hang-up is seen by reading too, after what the peer had sent; while nothing is read it cannot be waited out.
        if isCongested && isOver { return end("the peer has gone") }
        if isOver || readiness.contains(.read) { receive() }
    }

    private func receive() {
        if take(atMost: Self.smallChunk) { _ = take(atMost: Self.chunk) }
    }

    /// Reads once and hands over what is whole. True: there may be more.
    private func take(atMost size: Int) -> Bool {
        guard !isClosed && !isCongested else { return false }
        let transfer: Transfer
        do { transfer = try socket.fd.receiveSome(atMost: size) { decoder.append($0) } } catch {
            end("\(error)")
            return false
        }
        if transfer == .ended { end(decoder.isInsideFrame ? "the peer closed in the middle of a frame" : "the peer closed") }
        while !isClosed, let event = decoder.next() { onEvent(event) }
        return transfer == .bytes(size)
    }

    private func flush() {
        while waiting > 0 && !isClosed {
            do {
                guard case .bytes(let count) = try socket.fd.sendSome(pending, from: sent) else { break }
                sent += count
            } catch { return end("\(error)") }
        }
        if waiting == 0 {
            if pending.capacity > Self.chunk { pending = [] } else { pending.removeAll(keepingCapacity: true) }
            sent = 0
        } else if sent > Self.highWater {
            pending.removeFirst(sent)
            sent = 0
        }
        want()
    }

    /// A short write changes what is waited for.
    private func want() {
        guard let token else { return }
        var wanted: Interest = isCongested ? [] : .read
        if waiting > 0 { wanted.insert(.write) }
        guard wanted != interest else { return }
        interest = wanted
        do { try loop.update(token, for: interest) } catch { end("\(error)") }
    }

    private func end(_ reason: String) {
        guard !isClosed else { return }
        close()
        onClose(reason)
    }
}
