internal import LinuxSys
internal import OCI

/// Who a process in a container is.
struct Account: Equatable {
    var uid: UInt32
    var gid: UInt32
    var groups: [UInt32]
    var home: String
}

/// The users and groups of an image, from its own /etc/passwd and /etc/group, which are hostile data: read through descriptors
/// inside the layers, with a limit, and never by the host's libraries.
struct Accounts {
    private static let limit = 1 << 20
    private let users: [(name: String, uid: UInt32, gid: UInt32, home: String)]
    private let groups: [(name: String, gid: UInt32, members: [String])]

    init(_ tree: MergedTree) throws(ImageError) {
        users = try Self.lines("etc/passwd", tree).compactMap { fields in
            guard fields.count >= 6, let uid = Self.number(fields[2]), let gid = Self.number(fields[3]) else { return nil }
            return (fields[0], uid, gid, fields[5])
        }
        groups = try Self.lines("etc/group", tree).compactMap { fields in
            guard fields.count >= 3, let gid = Self.number(fields[2]) else { return nil }
            return (fields[0], gid, fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : [])
        }
    }

    private static func lines(_ path: String, _ tree: MergedTree) throws(ImageError) -> [[String]] {
        guard let place = try? cleanPath(Array(path.utf8)), let bytes = try tree.contents(of: place, limit: limit) else { return [] }
        return bytes.split(separator: 0x0a).map { line in
            line.split(separator: 0x3a, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// `user[:group]`, each by name or by number (image-spec, config.md "User"); nothing means root.
    /// A number is never taken for a name, and one that is no id never falls back to one (CVE-2024-40635, CVE-2026-46680).
    func resolve(_ text: String) throws(ImageError) -> Account {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count < 2 || !parts[1].isEmpty else { throw .invalid(what: "user", value: text, reason: "user:group expected") }
        var account = try user(parts.first ?? "")
        if parts.count == 2 {
            account.gid = try group(parts[1])
            // As the field has it: with a group of its own a user brings no others.
            account.groups = []
        }
        return account
    }

    private func user(_ text: String) throws(ImageError) -> Account {
        let wanted = text.isEmpty ? "0" : text
        let entry: (name: String, uid: UInt32, gid: UInt32, home: String)?
        if Self.isNumeric(wanted) {
            guard let uid = Self.number(wanted) else { throw .invalid(what: "user", value: wanted, reason: "an id outside 0 … 2^32-2") }
            entry = users.first { $0.uid == uid }
            guard entry != nil else { return Account(uid: uid, gid: 0, groups: [], home: uid == 0 ? "/root" : "/") }
        } else {
            entry = users.first { $0.name == wanted }
        }
        guard let entry else { throw .notFound(kind: .user, name: wanted) }
        let further = groups.filter { $0.members.contains(entry.name) && $0.gid != entry.gid }.map(\.gid)
        return Account(uid: entry.uid, gid: entry.gid, groups: Array(Set(further)).sorted(), home: Self.cleanHome(entry.home))
    }

    /// HOME of a hostile passwd goes into the environment: a control character there is refused in favour of the root.
    private static func cleanHome(_ home: String) -> String {
        home.hasPrefix("/") && home.utf8.count < 4096 && !home.utf8.contains { $0 < 0x20 || $0 == 0x7f } ? home : "/"
    }

    private func group(_ text: String) throws(ImageError) -> UInt32 {
        if Self.isNumeric(text) {
            guard let gid = Self.number(text) else { throw .invalid(what: "group", value: text, reason: "an id outside 0 … 2^32-2") }
            return gid
        }
        guard let entry = groups.first(where: { $0.name == text }) else { throw .notFound(kind: .group, name: text) }
        return entry.gid
    }

    /// Digits, with or without a sign: never a name.
    private static func isNumeric(_ text: String) -> Bool {
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// The one parser of ids: decimal digits only, below 2^32 - 1.
    static func number(_ text: String) -> UInt32? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text), number != .max else {
            return nil
        }
        return number
    }
}
