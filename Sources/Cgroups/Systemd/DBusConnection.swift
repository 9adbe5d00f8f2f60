import Glibc
internal import LinuxSys

/// Why a call to systemd came to nothing.
enum DBusFailure: Error, Equatable {
    case kernel(SysError)
    case malformed(DBusMalformed)
    /// The peer refused to let this process in.
    case refused(String)
    /// The peer's answer to a call: `org.freedesktop.systemd1.UnitExists` and its text.
    case answered(name: String, text: String)
    case late
    case closed

    var reason: String {
        switch self {
        case .kernel(let error): error.description
        case .malformed(let error): "the peer sent \(error.reason)"
        case .refused(let line): "the peer refused the login (\(line))"
        case .answered(let name, let text): text.isEmpty ? name : "\(text) (\(name))"
        case .late: "no answer in time"
        case .closed: "the peer closed the connection"
        }
    }
}

/// A connection of one caller that waits for each answer, up to a deadline (CLOCK_MONOTONIC, nanoseconds).
final class DBusConnection {
    private let socket: FDBox
    private var input: [UInt8] = []
    private var serial: UInt32 = 0
    /// Came while something else was waited for.
    private var signals: [DBusMessage] = []
    let isBus: Bool
    var deadline: UInt64

    init(_ address: DBusAddress, deadline: UInt64) throws(DBusFailure) {
        isBus = address.isBus
        self.deadline = deadline
        socket = try Self.connect(address.path, deadline)
        try logIn()
        if isBus { _ = try call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", to: "org.freedesktop.DBus") }
    }

    /// EAGAIN is a queue of connections that is full: systemd is busy for a moment.
    private static func connect(_ path: String, _ deadline: UInt64) throws(DBusFailure) -> FDBox {
        while true {
            do { return FDBox(try FD.connect(to: path)) } catch {
                guard error.errno == EAGAIN, monotonicNanoseconds() < deadline else { throw .kernel(error) }
            }
            usleep(10_000)
        }
    }

    /// D-Bus Specification, "Authentication Protocol". EXTERNAL without a name: the peer takes it from the socket, which
    /// is right also in a user namespace, where the own number is another one.
    private func logIn() throws(DBusFailure) {
        try send([0] + Array("AUTH EXTERNAL\r\n".utf8))
        var answer = try line()
        if answer.hasPrefix("DATA") {
            try send(Array("DATA\r\n".utf8))
            answer = try line()
        }
        guard answer.hasPrefix("OK") else { throw .refused(answer) }
        try send(Array("BEGIN\r\n".utf8))
        if !isBus { try awaitReading() }
    }

    /// systemd looks at what it has read with the login's last line only when more comes: the first call must not be in it.
    private func awaitReading() throws(DBusFailure) {
        while true {
            do throws(SysError) { if try socket.fd.isReadByPeer() { return } } catch { throw .kernel(error) }
            guard monotonicNanoseconds() < deadline else { throw .late }
            usleep(100)
        }
    }

    private func line() throws(DBusFailure) -> String {
        while true {
            if let end = input.firstIndex(of: 0x0a) {
                let line = input[..<end].filter { $0 != 0x0d }
                input.removeFirst(end + 1)
                return String(decoding: line, as: UTF8.self)
            }
            guard input.count < 16_384 else { throw .malformed(DBusMalformed("a login line without an end")) }
            try receive()
        }
    }

    /// Calls a method and waits for what it returns.
    func call(
        _ path: String, _ interface: String, _ member: String, to destination: String, _ arguments: [DBusValue] = []
    ) throws(DBusFailure) -> [DBusValue] {
        serial += 1
        var message = DBusMessage(.call, serial: serial)
        message.path = path
        message.interface = interface
        message.member = member
        // Whoever is alone at the other end has no name.
        message.destination = isBus ? destination : nil
        message.body = arguments
        try send(message.encoded)
        while true {
            let answer = try next()
            switch answer.kind {
            case .reply where answer.replySerial == serial: return answer.body
            case .failure where answer.replySerial == serial:
                throw .answered(name: answer.failureName ?? "an error without a name", text: answer.body.first?.text ?? "")
            case .signal: keep(answer)
            case .call, .reply, .failure: continue
            }
        }
    }

    /// The first signal for which `body` has a value.
    func signal<T>(_ body: (DBusMessage) -> T?) throws(DBusFailure) -> T {
        while true {
            while !signals.isEmpty { if let found = body(signals.removeFirst()) { return found } }
            let message = try next()
            if message.kind == .signal { keep(message) }
        }
    }

    /// A manager can have much to tell; what is old of it is not what is waited for.
    private func keep(_ signal: DBusMessage) {
        if signals.count >= 1024 { signals.removeFirst() }
        signals.append(signal)
    }

    private func next() throws(DBusFailure) -> DBusMessage {
        while true {
            if input.count >= DBusMessage.fixedSize {
                do throws(DBusMalformed) {
                    let size = try DBusMessage.size(Array(input[..<DBusMessage.fixedSize]))
                    if input.count >= size {
                        let message = try DBusMessage(Array(input[..<size]))
                        input.removeFirst(size)
                        return message
                    }
                } catch { throw .malformed(error) }
            }
            try receive()
        }
    }

    private func receive() throws(DBusFailure) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            do throws(SysError) {
                switch try socket.fd.read(into: &buffer) {
                case .bytes(let count):
                    input += buffer[..<count]
                    return
                case .ended: throw SysError(ECONNRESET, "read")
                case .wouldBlock: break
                }
            } catch { throw error.errno == ECONNRESET ? .closed : .kernel(error) }
            try wait(Int16(POLLIN))
        }
    }

    private func send(_ bytes: [UInt8]) throws(DBusFailure) {
        var done = 0
        while done < bytes.count {
            do throws(SysError) {
                if case .bytes(let count) = try socket.fd.sendSome(bytes, from: done) {
                    done += count
                    continue
                }
            } catch { throw error.errno == EPIPE ? .closed : .kernel(error) }
            try wait(Int16(POLLOUT))
        }
    }

    private func wait(_ events: Int16) throws(DBusFailure) {
        let now = monotonicNanoseconds()
        guard now < deadline else { throw .late }
        let milliseconds = Int32(min((deadline - now) / 1_000_000 + 1, 60_000))
        do { _ = try pollDescriptors([(socket.raw, events)], milliseconds: milliseconds) } catch { throw .kernel(error) }
    }
}
