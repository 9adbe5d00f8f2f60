internal import CTaskProto
package import TTRPC

/// ttrpc.Request and ttrpc.Response through libprotobuf-c.
package enum ProtobufCEnvelope: EnvelopeCodec {
    package static func encode(_ request: RequestEnvelope) -> [UInt8] {
        unsafe TaskAPI.encode(ttrpc__request__init) { message, arena in
            unsafe message.service = unsafe arena.string(request.service)
            unsafe message.method = unsafe arena.string(request.method)
            unsafe message.payload = unsafe arena.data(request.payload)
            unsafe message.timeout_nano = request.timeout
            unsafe message.n_metadata = request.metadata.count
            unsafe message.metadata = unsafe arena.messages(request.metadata, ttrpc__key_value__init) {
                unsafe $0.key = unsafe arena.string($1.key)
                unsafe $0.value = unsafe arena.string($1.value)
            }
        }
    }

    package static func encode(_ response: ResponseEnvelope) -> [UInt8] {
        unsafe TaskAPI.encode(ttrpc__response__init) { message, arena in
            unsafe message.payload = unsafe arena.data(response.payload)
            guard response.status != .ok else { return }
            unsafe message.status = unsafe arena.message(google__rpc__status__init) {
                unsafe $0.code = response.status.code.rawValue
                unsafe $0.message = unsafe arena.string(response.status.message)
            }
        }
    }

    package static func decodeRequest(_ bytes: [UInt8]) -> RequestEnvelope? {
        // The one place where why it is no message does not matter: the machine says which stream it was.
        try? unsafe decode(bytes, "ttrpc.Request", ttrpc__request__init) {
            unsafe RequestEnvelope(
                service: text($0.service), method: text($0.method), payload: copy($0.payload), timeout: $0.timeout_nano,
                metadata: copy($0.metadata, count: $0.n_metadata) { unsafe RequestEnvelope.Pair(key: text($0.key), value: text($0.value)) })
        }
    }

    package static func decodeResponse(_ bytes: [UInt8]) -> ResponseEnvelope? {
        try? unsafe decode(bytes, "ttrpc.Response", ttrpc__response__init) {
            unsafe ResponseEnvelope(status: status($0.status), payload: copy($0.payload))
        }
    }

    private static func status(_ status: UnsafeMutablePointer<Google__Rpc__Status>?) -> Status {
        guard let status = unsafe status?.pointee else { return .ok }
        guard let code = unsafe StatusCode(rawValue: status.code) else {
            return unsafe Status(.unknown, "status \(status.code): \(text(status.message))")
        }
        return unsafe Status(code, text(status.message))
    }
}
