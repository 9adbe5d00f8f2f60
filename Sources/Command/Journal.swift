internal import LinuxSys
internal import OCI

package enum LogFormat: String, Sendable, CaseIterable { case text, json }

/// What a command says about itself, on stderr: one line a message.
struct Journal: Sendable {
    let format: LogFormat
    let isDebug: Bool
    private let began = monotonicNanoseconds()

    init(format: LogFormat, isDebug: Bool) {
        self.format = format
        self.isDebug = isDebug
    }

    func failure(_ failure: CommandFailure) {
        write(
            "error", failure.description,
            ["operation": .string(failure.operation), "subject": .string(failure.subject), "reason": .string(failure.reason)])
    }

    func error(_ message: String) { write("error", message, [:]) }

    func warning(_ message: String) { write("warning", "warning: \(message)", [:]) }

    /// Only with --debug; with the milliseconds since the program began.
    func debug(_ message: @autoclosure () -> String) {
        guard isDebug else { return }
        let microseconds = (monotonicNanoseconds() - began) / 1000
        write("debug", "debug: \(microseconds / 1000).\(microseconds % 1000 / 100) ms \(message())", [:])
    }

    private func write(_ level: String, _ message: String, _ details: KeyValuePairs<String, JSON>) {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        switch format {
        case .text: StandardStream.error.write("swiftlet: \(line)\n")
        case .json:
            var object = JSONObject()
            object["time"] = .string(Timestamp.now.rfc3339)
            object["level"] = .string(level)
            object["message"] = .string(line)
            for (name, value) in details { object[name] = value }
            StandardStream.error.write(JSON.object(object).text() + "\n")
        }
    }
}

extension Timestamp {
    static var now: Timestamp { Timestamp(nanoseconds: Int64(realtimeNanoseconds())) }
}
