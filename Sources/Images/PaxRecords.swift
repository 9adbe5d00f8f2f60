internal import LinuxSys
internal import OCI

/// The records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"): `length key=value\n`, length in decimal of all of it.
struct PaxRecords {
    private(set) var values: [String: [UInt8]] = [:]
    /// `SCHILY.xattr.` records in order, without the prefix.
    private(set) var attributes: [ExtendedAttribute] = []
    /// Format 0.0 of GNU's sparse files repeats keys.
    private(set) var sparseNumbers: [UInt64] = []

    init() {}

    var isEmpty: Bool { values.isEmpty && attributes.isEmpty && sparseNumbers.isEmpty }

    /// Nil when the bytes are no such list.
    mutating func add(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, digits.count <= 8, let length = Int(String(decoding: digits, as: UTF8.self)), length <= rest.count else {
                return false
            }
            let record = rest.prefix(length)
            guard record.count > digits.count + 1, record.last == 0x0a, record[digits.endIndex] == 0x20 else { return false }
            let body = record[(digits.endIndex + 1)..<(record.endIndex - 1)]
            guard let equals = body.firstIndex(of: 0x3d), equals > body.startIndex else { return false }
            guard let key = String(validating: body[..<equals], as: UTF8.self), set(key, Array(body[(equals + 1)...])) else { return false }
            rest = rest.dropFirst(length)
        }
        return true
    }

    private mutating func set(_ key: String, _ value: [UInt8]) -> Bool {
        let prefix = "SCHILY.xattr."
        if key.hasPrefix(prefix) {
            let name = String(key.dropFirst(prefix.count))
            guard !name.isEmpty, name.utf8.count <= 255, !name.utf8.contains(0) else { return false }
            attributes.removeAll { $0.name == name }
            attributes.append(ExtendedAttribute(name: name, value: value))
        } else if key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes" {
            // Offsets and lengths take turns.
            guard (sparseNumbers.count % 2 == 0) == (key == "GNU.sparse.offset"),
                let number = UInt64(String(decoding: value, as: UTF8.self))
            else { return false }
            sparseNumbers.append(number)
        } else if value.isEmpty {
            values[key] = nil
        } else {
            values[key] = value
        }
        return true
    }

    func text(_ key: String) -> String? { values[key].flatMap { String(validating: $0, as: UTF8.self) } }

    /// Nil when absent; throws-worthy values are told apart by the caller through `isBad`.
    func number(_ key: String) -> UInt64? { text(key).flatMap { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64($0) : nil } }

    /// Present, but not what `number` or `time` can read.
    func isBad(_ key: String, _ read: Bool) -> Bool { values[key] != nil && !read }

    /// Seconds with a fraction: nanoseconds are cut, and time before 1970 counts downwards.
    func time(_ key: String) -> FileTime? {
        guard var text = text(key).map({ Array($0.utf8)[...] }) else { return nil }
        let negative = text.first == 0x2d
        if negative { text = text.dropFirst() }
        let parts = text.split(separator: 0x2e, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }),
            let whole = Int64(String(decoding: parts[0], as: UTF8.self))
        else { return nil }
        var nanoseconds: UInt32 = 0
        if parts.count == 2 {
            let digits = Array(parts[1].prefix(9))
            for place in 0..<9 { nanoseconds = nanoseconds * 10 + UInt32(place < digits.count ? digits[place] - 0x30 : 0) }
        }
        guard negative else { return FileTime(seconds: whole, nanoseconds: nanoseconds) }
        return nanoseconds == 0
            ? FileTime(seconds: -whole, nanoseconds: 0) : FileTime(seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}
