internal import LinuxSys

/// An access control list as star, GNU tar and bsdtar write it (`SCHILY.acl.access`, `SCHILY.acl.default`): entries
/// `user:1000:rwx`, parted by commas or lines; a name may stand in the number's place when the number follows as a fourth part.
/// In the kernel's form (linux/posix_acl_xattr.h): version 2, then tag, permissions and id of each entry, little-endian.
enum AccessList {
    private enum Tag: UInt16 {
        case userObject = 1, user = 2, groupObject = 4, group = 8, mask = 16, other = 32
    }

    /// Nil when the text is no such list, or names somebody without a number: what a name means depends on the machine.
    static func attribute(_ name: String, _ text: [UInt8]) -> ExtendedAttribute? {
        var entries: [(tag: UInt16, permissions: UInt16, id: UInt32)] = []
        for line in text.split(whereSeparator: { $0 == 0x2c || $0 == 0x0a }) {
            let entry = line.prefix { $0 != 0x23 }.filter { $0 != 0x20 && $0 != 0x09 }
            if entry.isEmpty { continue }
            let parts = entry.split(separator: 0x3a, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            guard let parsed = parse(parts) else { return nil }
            entries.append(parsed)
        }
        guard !entries.isEmpty, entries.count <= 1024 else { return nil }
        entries.sort { ($0.tag, $0.id) < ($1.tag, $1.id) }
        var value: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            value += [UInt8(entry.tag & 255), UInt8(entry.tag >> 8), UInt8(entry.permissions & 255), UInt8(entry.permissions >> 8)]
            for shift in [0, 8, 16, 24] as [UInt32] { value.append(UInt8(truncatingIfNeeded: entry.id >> shift)) }
        }
        return ExtendedAttribute(name: name, value: value)
    }

    private static func parse(_ parts: [String]) -> (tag: UInt16, permissions: UInt16, id: UInt32)? {
        // `other:r-x` and `mask:rwx` may do without the empty second part.
        guard let kind = parts.first, parts.count >= 2, let permissions = permissions(parts.count == 2 ? parts[1] : parts[2]) else {
            return nil
        }
        let who = parts.count == 2 ? "" : parts[1]
        let tag: Tag
        switch (kind, who.isEmpty) {
        case ("user", true), ("u", true): tag = .userObject
        case ("user", false), ("u", false): tag = .user
        case ("group", true), ("g", true): tag = .groupObject
        case ("group", false), ("g", false): tag = .group
        case ("mask", true), ("m", true): tag = .mask
        case ("other", true), ("o", true): tag = .other
        default: return nil
        }
        guard !who.isEmpty else { return (tag.rawValue, permissions, .max) }
        let number = parts.count > 3 ? parts[3] : who
        guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = UInt32(number), id != .max else { return nil }
        return (tag.rawValue, permissions, id)
    }

    private static func permissions(_ text: String) -> UInt16? {
        var bits: UInt16 = 0
        for letter in text {
            switch letter {
            case "r": bits |= 4
            case "w": bits |= 2
            case "x": bits |= 1
            case "-": break
            default: return nil
            }
        }
        return bits
    }
}
