internal import OCI

/// Where metrics are served: a loopback address with its port, or a socket's path. Nothing that others on the network reach.
package enum MetricsAddress: Equatable, Sendable {
    case tcp(host: String, port: Int)
    case socket(String)

    init(_ text: String, field: String = "metrics.listen") throws(FieldError) {
        if text.hasPrefix("/") {
            self = .socket(text)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            throw FieldError(field, "must be a loopback address with a port, or an absolute path")
        }
        let host = String(text[..<colon])
        switch host {
        case "localhost": self = .tcp(host: "127.0.0.1", port: port)
        case "[::1]": self = .tcp(host: "::1", port: port)
        case _ where host.hasPrefix("127.") && host.split(separator: ".").compactMap({ UInt8($0) }).count == 4:
            self = .tcp(host: host, port: port)
        default: throw FieldError(field, "\(host) is no loopback address")
        }
    }
}
