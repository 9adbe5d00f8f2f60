/// A number of bytes as people write it: `512m`, `1.5g`, `64KiB`. Units are powers of 1024 (docker, podman and systemd read them so).
package struct ByteSize: Equatable, Sendable {
    package let bytes: Int64

    package init(bytes: Int64) { self.bytes = bytes }

    package init(parsing text: String) throws(ArgumentFailure) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let shift = Self.shift(of: text.dropFirst(digits.count).lowercased()) else {
            throw ArgumentFailure(text, "not a size (number and unit b, k, m, g, t or p)")
        }
        if let whole = Int64(digits) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: 1 << shift)
            guard !overflow else { throw ArgumentFailure(text, "too large") }
            self.bytes = bytes
            return
        }
        guard digits.first != ".", digits.last != ".", let number = Double(digits) else {
            throw ArgumentFailure(text, "not a size (number and unit b, k, m, g, t or p)")
        }
        guard let bytes = Int64(exactly: (number * Double(Int64(1) << shift)).rounded(.down)) else {
            throw ArgumentFailure(text, "too large")
        }
        self.bytes = bytes
    }

    private static func shift(of unit: String) -> Int64? {
        switch unit {
        case "", "b": 0
        case "k", "kb", "kib": 10
        case "m", "mb", "mib": 20
        case "g", "gb", "gib": 30
        case "t", "tb", "tib": 40
        case "p", "pb", "pib": 50
        default: nil
        }
    }

    /// `4.2 MiB`: for people.
    package var text: String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}

/// `--cpus`: a share of processors, as quota over a period of 100 ms (cpu.max, cpu.cfs_quota_us).
package struct ProcessorShare: Equatable, Sendable {
    package static let period: UInt64 = 100_000
    package let quota: Int64

    package init(parsing text: String) throws(ArgumentFailure) {
        guard text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(text), number > 0 else {
            throw ArgumentFailure(text, "not a number of processors above 0")
        }
        // The kernel refuses a quota below 1 ms.
        guard let quota = Int64(exactly: (number * Double(Self.period)).rounded()), quota >= 1000, number <= 8192 else {
            throw ArgumentFailure(text, "outside 0.01 … 8192 processors")
        }
        self.quota = quota
    }
}

/// `--stop-timeout`, `stop -t`, `--tail`: a whole number, nothing else around it.
package func parseWholeNumber(_ text: String, from low: Int64, to high: Int64) throws(ArgumentFailure) -> Int64 {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "-") }), let number = Int64(text) else {
        throw ArgumentFailure(text, "not a whole number")
    }
    guard number >= low, number <= high else { throw ArgumentFailure(text, "outside \(low) … \(high)") }
    return number
}
