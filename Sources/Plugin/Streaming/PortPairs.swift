internal import SPDY

/// Port forwarding over SPDY (k8s.io/kubelet/pkg/cri/streaming/portforward): each connection to a port is two streams, `streamType` data
/// and error, with the same `requestID` and `port`. The error's text goes through the second.
struct PortPairs: Sendable {
    static let `protocol` = "portforward.k8s.io"

    struct Pair: Equatable, Sendable {
        var port: UInt16
        var data: UInt32
        var error: UInt32
    }

    enum Outcome: Equatable, Sendable {
        case refused(String)
        /// For the other stream of its request.
        case waits(isData: Bool)
        case complete(Pair, isData: Bool)
    }

    private struct Half {
        var data: (stream: UInt32, port: UInt16)?
        var error: UInt32?
    }

    /// Empty: all.
    private let allowed: Set<UInt16>
    private var waiting: [String: Half] = [:]

    init(ports: [Int32] = []) { allowed = Set(ports.map { UInt16(truncatingIfNeeded: $0) }) }

    mutating func add(_ stream: UInt32, _ headers: Headers) -> Outcome {
        guard let text = headers["port"], let port = UInt16(text), port > 0 else {
            return .refused("port: \(quoted(headers["port"] ?? "")) is no port")
        }
        guard allowed.isEmpty || allowed.contains(port) else { return .refused("port: \(port) was not asked for") }
        guard let type = headers["streamtype"], type == "data" || type == "error" else {
            return .refused("streamType: \(quoted(headers["streamtype"] ?? "")) is neither data nor error")
        }
        let isData = type == "data"
        let request = headers["requestid"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.request(stream, isData: isData)
        var half = waiting[request] ?? Half()
        guard isData ? half.data == nil : half.error == nil else { return .refused("requestID: \(quoted(request)) has its \(type) stream") }
        if isData { half.data = (stream, port) } else { half.error = stream }
        guard let data = half.data, let error = half.error else {
            waiting[request] = half
            return .waits(isData: isData)
        }
        waiting[request] = nil
        return .complete(Pair(port: data.port, data: data.stream, error: error), isData: isData)
    }

    /// Clients before requestID open the error's stream and then, with the next number, the data's.
    private static func request(_ stream: UInt32, isData: Bool) -> String { "stream \(isData ? stream &- 2 : stream)" }

    /// One that waited too long, or has ended: it is forgotten. Nil: it does not wait.
    mutating func forget(_ stream: UInt32) -> (request: String, data: UInt32?, error: UInt32?)? {
        guard let (request, half) = waiting.first(where: { $0.value.data?.stream == stream || $0.value.error == stream }) else {
            return nil
        }
        waiting[request] = nil
        return (request, half.data?.stream, half.error)
    }
}
