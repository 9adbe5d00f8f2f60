/// A call as it stands in the payload of a request frame (message ttrpc.Request).
package struct RequestEnvelope: Equatable, Sendable {
    package struct Pair: Equatable, Sendable {
        package var key: String, value: String
        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }
    /// Full name of the service: `containerd.task.v2.Task`.
    package var service: String
    package var method: String
    package var payload: [UInt8]
    /// Nanoseconds that the caller will wait; 0: without end.
    package var timeout: Int64
    package var metadata: [Pair]

    package init(service: String, method: String, payload: [UInt8], timeout: Int64 = 0, metadata: [Pair] = []) {
        self.service = service
        self.method = method
        self.payload = payload
        self.timeout = timeout
        self.metadata = metadata
    }

    /// The metadata key under which containerd sends its namespace.
    package static let namespaceKey = "containerd-namespace-ttrpc"
}

/// The answer, in the payload of a response frame (message ttrpc.Response).
package struct ResponseEnvelope: Equatable, Sendable {
    package var status: Status
    package var payload: [UInt8]
    package init(status: Status = .ok, payload: [UInt8] = []) {
        self.status = status
        self.payload = payload
    }
}

/// google.rpc.Status without details.
package struct Status: Error, Equatable, Sendable, CustomStringConvertible {
    package var code: StatusCode
    package var message: String
    package init(_ code: StatusCode, _ message: String) {
        self.code = code
        self.message = message
    }
    package static let ok = Status(.ok, "")
    package var description: String { message.isEmpty ? "\(code)" : message }
}

/// The codes of google.rpc.Code.
package enum StatusCode: Int32, Sendable {
    case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss, unauthenticated
}

/// Who turns envelopes into bytes: libprotobuf-c for the shim, swift-protobuf elsewhere. Nil for bytes that are no such message.
package protocol EnvelopeCodec: SendableMetatype {
    static func encode(_ request: RequestEnvelope) -> [UInt8]
    static func encode(_ response: ResponseEnvelope) -> [UInt8]
    static func decodeRequest(_ bytes: [UInt8]) -> RequestEnvelope?
    static func decodeResponse(_ bytes: [UInt8]) -> ResponseEnvelope?
}
