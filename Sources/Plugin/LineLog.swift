internal import CRILog
internal import Glibc
internal import LinuxSys
package import Logging
internal import OCI

/// One line on standard error for each thing worth saying: for people, or a JSON object.
package struct LineLog: LogHandler {
    package enum Format: String, Sendable, CaseIterable { case text, json }

    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let format: Format

    package init(format: Format, debug: Bool) {
        self.format = format
        logLevel = debug ? .debug : .info
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = LogTime(nanoseconds: realtimeNanoseconds()).description
        let text: String
        switch format {
        case .text:
            text = ([time, event.level.rawValue.uppercased(), "\(event.message)"] + all.map { "\($0.key)=\($0.value)" }).joined(
                separator: " ")
        case .json:
            var object = JSONObject()
            object["time"] = .string(time)
            object["level"] = .string(event.level.rawValue)
            object["message"] = .string("\(event.message)")
            for (key, value) in all { object[key] = .string("\(value)") }
            text = JSON.object(object).text()
        }
        var bytes = Array(text.utf8).map { $0 == 0x0a ? 0x20 : $0 }
        bytes.append(0x0a)
        // One write: lines of several threads do not mix. There is nobody to tell when it fails.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension LineLog {
    /// One line on standard error before there is a log.
    package static func complain(_ text: String) {
        let bytes = Array(text.utf8).map { $0 == 0x0a ? 0x20 : $0 } + [0x0a]
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
