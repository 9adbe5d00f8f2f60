import Glibc
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO

struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One request, encoded but for the number of its stream.
struct Prepared {
    fileprivate let frame: [UInt8]

    init(_ method: String, _ message: some Message) throws {
        let payload: [UInt8] = try message.serializedBytes()
        let pair = RequestEnvelope.Pair(key: RequestEnvelope.namespaceKey, value: "default")
        let request = RequestEnvelope(service: "containerd.task.v2.Task", method: method, payload: payload, metadata: [pair])
        frame = Frame(stream: 1, kind: .request, payload: SwiftProtobufEnvelope.encode(request)).encoded
    }
}

/// One connection to a shim. Blocks where it has to wait.
final class Peer {
    let socket: FDBox
    private var decoder = FrameDecoder()
    private var next: UInt32 = 1
    private var output: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(path: String) throws {
        socket = FDBox(try FD.connect(to: path))
        try socket.fd.setNonBlocking(false)
    }

    /// Begins a call; the answer comes with the number that is returned.
    func send(_ request: Prepared) throws -> UInt32 {
        let stream = next
        next += 2
        output.replaceSubrange(output.indices, with: request.frame)
        // Bytes 4 to 7 of a frame (TTRPC/Frame.swift).
        for index in 0..<4 { output[4 + index] = UInt8(truncatingIfNeeded: stream >> UInt32(24 - 8 * index)) }
        var done = 0
        while done < output.count {
            guard case .bytes(let count) = try socket.fd.sendSome(output, from: done) else { continue }
            done += count
        }
        return stream
    }

    /// One answer that was received and not yet asked for.
    func pending() throws -> Frame? {
        guard let event = decoder.next() else { return nil }
        guard case .frame(let frame) = event, frame.kind == .response else { throw LoadFailure("the shim sent \(event)") }
        return frame
    }

    /// Reads what is there, waiting for the first byte.
    func fill() throws {
        guard case .bytes(let count) = try socket.fd.read(into: &buffer) else { throw LoadFailure("the shim closed the connection") }
        decoder.append(buffer[..<count])
    }

    /// The answer to the one call that is open, which is looked at no closer than it takes to see that all is well.
    func receiveSuccess(_ what: String) throws {
        guard case .bytes(let count) = try socket.fd.read(into: &buffer) else { throw LoadFailure("the shim closed the connection") }
        let isWhole = count > 10 && Int(buffer[2]) << 8 | Int(buffer[3]) == count - 10 && buffer[0] == 0 && buffer[1] == 0
        // The payload (field 2 of ttrpc.Response) and no status (field 1).
        if isWhole && buffer[8] == Frame.Kind.response.rawValue && buffer[10] == 0x12 { return }
        decoder.append(buffer[..<count])
        try receive().requireSuccess(what)
    }

    func receive() throws -> Frame {
        while true {
            if let frame = try pending() { return frame }
            try fill()
        }
    }
}

extension Frame {
    /// Field 1 of ttrpc.Response is the status, which stands before the payload (field 2) and is left out when all is well.
    func requireSuccess(_ what: String) throws {
        guard payload.first == 0x0a, let answer = SwiftProtobufEnvelope.decodeResponse(payload), answer.status.code != .ok else { return }
        throw LoadFailure("\(what): \(answer.status.message)")
    }

    func answer<M: Message>(_ type: M.Type) throws -> M {
        guard let answer = SwiftProtobufEnvelope.decodeResponse(payload) else { throw LoadFailure("no ttrpc.Response") }
        return try M(serializedBytes: answer.payload)
    }
}
