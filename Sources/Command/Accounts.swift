internal import OCI

/// Who a process runs as.
package struct ProcessUser: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    package var additional: [UInt32]

    package init(uid: UInt32, gid: UInt32, additional: [UInt32]) {
        self.uid = uid
        self.gid = gid
        self.additional = additional
    }

    var json: JSON {
        ["uid": .integer(Int64(uid)), "gid": .integer(Int64(gid)), "additionalGids": .array(additional.map { .integer(Int64($0)) })]
    }
}

/// passwd(5) and group(5) of a container, as far as a user is looked up in them. Lines that are malformed are passed over.
package struct Accounts: Sendable {
    private struct Entry {
        var name: Substring
        var number: UInt32
        var group: UInt32
    }
    private let users: [Entry]
    private let groups: [(name: Substring, number: UInt32, members: [Substring])]

    package init(passwd: [UInt8], group: [UInt8]) {
        users = Self.lines(passwd).compactMap { parts in
            guard parts.count >= 4, let uid = Self.number(parts[2]), let gid = Self.number(parts[3]) else { return nil }
            return Entry(name: parts[0], number: uid, group: gid)
        }
        groups = Self.lines(group).compactMap { parts in
            guard parts.count >= 3, let gid = Self.number(parts[2]) else { return nil }
            return (parts[0], gid, parts.count > 3 ? parts[3].split(separator: ",") : [])
        }
    }

    /// `user[:group]`, each by name or number. A text of digits is a number, never a name: out of range is an error.
    package func resolve(_ text: String) throws(ArgumentFailure) -> ProcessUser {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = parts.first, !user.isEmpty, parts.count < 2 || !parts[1].isEmpty else {
            throw ArgumentFailure(text, "user[:group] expected")
        }
        let entry: Entry?
        let uid: UInt32
        if let number = try Self.numeric(user, text) {
            uid = number
            entry = users.first { $0.number == number }
        } else {
            guard let found = users.first(where: { $0.name == user }) else { throw ArgumentFailure(text, "no such user in the container") }
            uid = found.number
            entry = found
        }
        guard parts.count == 2 else { return ProcessUser(uid: uid, gid: entry?.group ?? 0, additional: additional(entry)) }
        return ProcessUser(uid: uid, gid: try group(parts[1], text), additional: [])
    }

    private func group(_ name: Substring, _ text: String) throws(ArgumentFailure) -> UInt32 {
        if let number = try Self.numeric(name, text) { return number }
        guard let found = groups.first(where: { $0.name == name }) else { throw ArgumentFailure(text, "no such group in the container") }
        return found.number
    }

    private func additional(_ entry: Entry?) -> [UInt32] {
        guard let entry else { return [] }
        return groups.filter { $0.members.contains(entry.name) && $0.number != entry.group }.map(\.number)
    }

    private static func numeric(_ part: Substring, _ text: String) throws(ArgumentFailure) -> UInt32? {
        guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let number = number(part) else { throw ArgumentFailure(text, "a number outside 0 … 4294967294") }
        return number
    }

    /// 2^32-1 is "no change" to the kernel, never an id.
    private static func number(_ part: Substring) -> UInt32? {
        guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(part), number != .max else { return nil }
        return number
    }

    private static func lines(_ bytes: [UInt8]) -> [[Substring]] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    }
}
