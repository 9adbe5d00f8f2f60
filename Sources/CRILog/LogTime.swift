/// A moment as container logs write it: RFC 3339 in UTC with nine digits of the second, `2016-10-06T00:17:09.669794202Z`.
package struct LogTime: Equatable, Comparable, Sendable, CustomStringConvertible {
    /// Since 1970, without leap seconds (CLOCK_REALTIME).
    package let nanoseconds: UInt64
    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func < (left: LogTime, right: LogTime) -> Bool { left.nanoseconds < right.nanoseconds }

    package var description: String { String(decoding: encoded, as: UTF8.self) }

    /// The 30 bytes of the text.
    package var encoded: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(30)
        append(to: &out)
        return out
    }

    package func append(to out: inout [UInt8]) {
        let seconds = nanoseconds / 1_000_000_000
        let date = Self.date(ofDay: Int(seconds / 86_400))
        let second = Int(seconds % 86_400)
        Self.put(date.year, 4, "-", &out)
        Self.put(date.month, 2, "-", &out)
        Self.put(date.day, 2, "T", &out)
        Self.put(second / 3600, 2, ":", &out)
        Self.put(second / 60 % 60, 2, ":", &out)
        Self.put(second % 60, 2, ".", &out)
        Self.put(Int(nanoseconds % 1_000_000_000), 9, "Z", &out)
    }

    /// Reads RFC 3339 with `Z` or a numeric offset and up to nine digits after the second. Nil for anything else.
    package init?(_ text: some Collection<UInt8>) {
        let bytes = Array(text)
        guard bytes.count >= 20, bytes.count <= 35 else { return nil }
        guard let year = Self.number(bytes, 0, 4), let month = Self.number(bytes, 5, 2), let day = Self.number(bytes, 8, 2),
            let hour = Self.number(bytes, 11, 2), let minute = Self.number(bytes, 14, 2), let second = Self.number(bytes, 17, 2)
        else { return nil }
        let marks = (bytes[4], bytes[7], bytes[10], bytes[13], bytes[16])
        guard marks == (0x2d, 0x2d, 0x54, 0x3a, 0x3a) else { return nil }
        guard year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61 else { return nil }
        var at = 19
        guard let fraction = Self.fraction(bytes, &at), let offset = Self.offset(bytes, at) else { return nil }
        let total = Self.day(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        guard total >= 0 else { return nil }
        self.init(nanoseconds: UInt64(total) * 1_000_000_000 + UInt64(fraction))
    }

    private static func put(_ value: Int, _ width: Int, _ after: Unicode.Scalar, _ out: inout [UInt8]) {
        let start = out.count
        var rest = value
        for _ in 0..<width {
            out.append(0x30 + UInt8(rest % 10))
            rest /= 10
        }
        out[start...].reverse()
        out.append(UInt8(ascii: after))
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int? {
        var value = 0
        for byte in bytes[start..<(start + count)] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// Nanoseconds of `.123`; 0 when there is no fraction. Nil when it is malformed.
    private static func fraction(_ bytes: [UInt8], _ at: inout Int) -> Int? {
        guard bytes[at] == UInt8(ascii: ".") else { return 0 }
        at += 1
        var value = 0
        var digits = 0
        while at < bytes.count, (0x30...0x39).contains(bytes[at]), digits < 9 {
            value = value * 10 + Int(bytes[at] - 0x30)
            digits += 1
            at += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<9 { value *= 10 }
        return value
    }

    /// Seconds east of UTC that the end of the text says; nil when it says something else.
    private static func offset(_ bytes: [UInt8], _ at: Int) -> Int? {
        if bytes.count == at + 1, bytes[at] == UInt8(ascii: "Z") { return 0 }
        guard bytes.count == at + 6, bytes[at + 3] == UInt8(ascii: ":") else { return nil }
        guard let hours = number(bytes, at + 1, 2), let minutes = number(bytes, at + 4, 2), hours < 24, minutes < 60 else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }

    /// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that start in March
    /// (so that the leap day is the last of its year).
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    /// The inverse of `date(ofDay:)`.
    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let yearOfEra = marchYear % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return marchYear / 400 * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
