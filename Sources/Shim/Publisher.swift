internal import EventLoop
internal import LinuxSys
internal import TTRPC
internal import TTRPCLoop
internal import TaskAPI

/// Hands events to the orchestrator over ttrpc, in order, one at a time, until each is taken; connects again when that is needed.
/// Without an address there is nobody to tell.
final class Publisher {
    private struct Item: Sendable {
        let event: TaskEvent
        let time: UInt64
    }

    private static let deadline: UInt64 = 10_000_000_000

    private let loop: EventLoop
    private let path: String?
    private let namespace: String
    private let log: ShimLog
    private var outbox = Outbox<Item>()
    private var client: LoopClient?
    private var isFailing = false
    private var onEmpty: (() -> Void)?

    /// `address`: a path, perhaps with `unix://` in front; empty for none.
    init(loop: EventLoop, address: String, namespace: String, log: ShimLog) {
        self.loop = loop
        self.namespace = namespace
        self.log = log
        let scheme = "unix://"
        let path = address.utf8.starts(with: scheme.utf8) ? String(address.dropFirst(scheme.count)) : address
        self.path = path.isEmpty ? nil : path
    }

    var isFull: Bool { outbox.isFull }
    var waiting: Int { outbox.count }

    func publish(_ event: TaskEvent) {
        log.debug("event \(event.topic)")
        guard path != nil else { return }
        act(outbox.put(Item(event: event, time: realtimeNanoseconds())))
    }

    /// Calls back once when nothing waits any more. What waited for its time is tried at once: whoever has the shim end is there again.
    func whenEmpty(_ done: @escaping () -> Void) {
        if outbox.isEmpty { return done() }
        onEmpty = done
        act(outbox.hurry())
    }

    private func act(_ action: Outbox<Item>.Action) {
        switch action {
        case .nothing: break
        case .send: send()
        case .wait(let nanoseconds):
            loop.after(nanoseconds: nanoseconds) { [weak self] in
                guard let self else { return }
                act(outbox.retry())
            }
        }
    }

    private func send() {
        guard let item = outbox.first, let path else { return }
        do throws(SysError) {
            if client?.isOpen != true { client = try LoopClient(loop: loop, codec: ProtobufCEnvelope.self, path: path) }
        } catch { return failed("\(error)") }
        let request = item.event.forward(namespace: namespace, at: item.time)
        client?.call(request, deadline: Self.deadline) { [weak self] result in
            switch result {
            case .success(let response) where response.status.code == .ok: self?.sent()
            case .success(let response): self?.failed("\(response.status)")
            case .failure(let status): self?.failed("\(status)")
            }
        }
    }

    private func sent() {
        if isFailing { log.info("events are taken again") }
        isFailing = false
        act(outbox.sent())
        guard outbox.isEmpty else { return }
        let done = onEmpty
        onEmpty = nil
        done?()
    }

    private func failed(_ reason: String) {
        if !isFailing { log.warning("forward an event: \(reason); it will be tried again") }
        isFailing = true
        client?.close()
        client = nil
        act(outbox.failed())
    }
}
