import FoundationEssentials
import Messages
import SwiftProtobuf
package import TTRPC

/// ttrpc.Request and ttrpc.Response through swift-protobuf.
package enum SwiftProtobufEnvelope: EnvelopeCodec {
    package static func encode(_ request: RequestEnvelope) -> [UInt8] {
        var message = Ttrpc_Request()
        message.service = request.service
        message.method = request.method
        message.payload = Data(request.payload)
        message.timeoutNano = request.timeout
        message.metadata = request.metadata.map { pair in
            var item = Ttrpc_KeyValue()
            item.key = pair.key
            item.value = pair.value
            return item
        }
        return bytes(of: message)
    }

    package static func encode(_ response: ResponseEnvelope) -> [UInt8] {
        var message = Ttrpc_Response()
        message.payload = Data(response.payload)
        if response.status != .ok {
            message.status.code = response.status.code.rawValue
            message.status.message = response.status.message
        }
        return bytes(of: message)
    }

    package static func decodeRequest(_ bytes: [UInt8]) -> RequestEnvelope? {
        guard let message = try? Ttrpc_Request(serializedBytes: bytes) else { return nil }
        return RequestEnvelope(
            service: message.service, method: message.method, payload: Array(message.payload), timeout: message.timeoutNano,
            metadata: message.metadata.map { RequestEnvelope.Pair(key: $0.key, value: $0.value) })
    }

    package static func decodeResponse(_ bytes: [UInt8]) -> ResponseEnvelope? {
        guard let message = try? Ttrpc_Response(serializedBytes: bytes) else { return nil }
        return ResponseEnvelope(status: message.hasStatus ? Status(message.status) : .ok, payload: Array(message.payload))
    }

    /// Encoding fails only for required fields, which proto3 does not have, and for messages past 2 GiB.
    private static func bytes(of message: some Message) -> [UInt8] { (try? message.serializedBytes()) ?? [] }
}

extension Status {
    fileprivate init(_ message: Google_Rpc_Status) {
        if let code = StatusCode(rawValue: message.code) {
            self.init(code, message.message)
        } else {
            self.init(.unknown, "status \(message.code): \(message.message)")
        }
    }
}

/// The bytes of a message, or why it has none.
func encoded(_ message: some Message) throws(Status) -> [UInt8] {
    do { return try message.serializedBytes() } catch { throw Status(.internal, "encode \(type(of: message).protoMessageName): \(error)") }
}

func decoded<M: Message>(_ bytes: [UInt8], _ code: StatusCode) throws(Status) -> M {
    do { return try M(serializedBytes: bytes) } catch { throw Status(code, "payload is no \(M.protoMessageName): \(error)") }
}
