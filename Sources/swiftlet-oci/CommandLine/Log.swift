import Glibc
import LinuxSys
import OCI

/// Where errors and warnings go: the file of `--log`, in the form of `--log-format`, as the callers of runc read them back
/// (containerd and podman look for the last line with `"level":"error"`).
struct Log: Sendable {
    enum Format: String { case text, json }
    enum Level: String { case debug, warning, error }

    private let file: FDBox?
    private let format: Format
    private let isVerbose: Bool

    /// Standard error, for what is wrong with the options that would say otherwise.
    init() {
        file = nil
        format = .text
        isVerbose = false
    }

    init(_ global: Arguments) throws(CommandError) {
        guard let format = Format(rawValue: global.value("log-format") ?? "text") else {
            throw .usage("--log-format: text or json expected, found \(global.value("log-format") ?? "")")
        }
        self.format = format
        isVerbose = global.has("debug")
        file = try global.value("log").map { path throws(CommandError) in
            FDBox(try kernel { () throws(SysError) in try FD.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o644) })
        }
    }

    /// In the file and, once, on standard error.
    func fail(_ message: String) {
        put(.error, message)
        if file != nil { write("swiftlet-oci: \(message)\n", to: 2) }
    }

    func warn(_ message: String) { put(.warning, message) }
    func debug(_ message: @autoclosure () -> String) { if isVerbose { put(.debug, message()) } }

    private func put(_ level: Level, _ message: String) {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: "; ")
        switch (format, file) {
        case (.text, nil): write("swiftlet-oci: \(level == .error ? "" : "\(level.rawValue): ")\(line)\n", to: 2)
        case (.text, let file?):
            write("time=\"\(Clock.now(fraction: false))\" level=\(level.rawValue) msg=\(JSON.string(line).text())\n", to: file.raw)
        case (.json, let file):
            let entry: JSON = ["level": .string(level.rawValue), "msg": .string(line), "time": .string(Clock.now(fraction: false))]
            write(entry.text() + "\n", to: file?.raw ?? 2)
        }
    }
}

/// Everything, unless nobody reads it.
func write(_ text: String, to number: Int32) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress! + done, bytes.count - done) }
        if count < 0 && errno != EINTR { return }
        done += max(0, count)
    }
}

enum Clock {
    /// RFC 3339, UTC; with nanoseconds or whole seconds.
    static func now(fraction: Bool) -> String {
        let nanoseconds = realtimeNanoseconds()
        let seconds = Int(nanoseconds / 1_000_000_000)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = date(daysAfterEpoch: seconds / 86_400)
        let day = "\(date.year)-\(two(date.month))-\(two(date.day))"
        let time = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        guard fraction else { return "\(day)T\(time)Z" }
        let rest = String(nanoseconds % 1_000_000_000)
        return "\(day)T\(time).\(String(repeating: "0", count: 9 - rest.utf8.count))\(rest)Z"
    }

    /// The Gregorian calendar by arithmetic: gmtime(3) reads the host's time zone first. Years begin in March here, so that the day that
    /// not every year has is the last; 719 468 days are from such a beginning of the year 0 to the epoch, 146 097 in 400 years.
    private static func date(daysAfterEpoch days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, day)
    }
}
