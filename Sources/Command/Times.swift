internal import CRILog

/// Points in time as nanoseconds since 1970, written for people and machines.
package struct Timestamp: Equatable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }

    /// RFC 3339 in UTC with nanoseconds: `2026-01-31T07:05:09.000000001Z`.
    package var rfc3339: String { LogTime(nanoseconds: UInt64(max(0, nanoseconds))).description }

    /// `3 minutes`: how long before `now`, in the largest unit of which there are two, or the only one.
    package func age(at now: Timestamp) -> String {
        let seconds = max(0, (now.nanoseconds - nanoseconds) / 1_000_000_000)
        let units: [(Int64, String)] = [
            (86_400 * 365, "year"), (86_400 * 30, "month"), (86_400 * 7, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"),
        ]
        for (length, name) in units where seconds >= 2 * length || (seconds >= length && length <= 60) {
            let count = seconds / length
            return "\(count) \(name)\(count == 1 ? "" : "s")"
        }
        if seconds < 1 { return "less than a second" }
        return "\(seconds) second\(seconds == 1 ? "" : "s")"
    }
}
