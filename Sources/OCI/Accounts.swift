/// Who a process in a container is.
package struct Account: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Further groups of the user, rising.
    package var groups: [UInt32]
    /// Absolute; of `HOME`.
    package var home: String

    package init(uid: UInt32, gid: UInt32, groups: [UInt32], home: String) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
    }
}

/// Why `user[:group]` names nobody.
package enum AccountError: Error, Equatable, Sendable {
    /// Not of the form `user[:group]`.
    case malformed(String)
    /// A number that is no id: outside 0 … 2^32-2, where 2^32-1 means "no change" to the kernel.
    case outOfRange(String)
    case unknownUser(String)
    case unknownGroup(String)
}

/// passwd(5) and group(5) of a container, which are hostile data: given as bytes that were read inside its root, and looked up
/// here, never by the host's libraries (CVE-2019-14271). Lines that are malformed are passed over.
package struct Accounts: Sendable {
    /// A file longer than this is not to be read.
    package static let sizeLimit = 1 << 20

    private let users: [(name: String, uid: UInt32, gid: UInt32, home: String)]
    private let groups: [(name: String, gid: UInt32, members: [String])]

    package init(passwd: [UInt8], group: [UInt8]) {
        users = Self.lines(passwd).compactMap { fields in
            guard fields.count >= 6, let uid = accountNumber(fields[2]), let gid = accountNumber(fields[3]) else { return nil }
            return (fields[0], uid, gid, fields[5])
        }
        groups = Self.lines(group).compactMap { fields in
            guard fields.count >= 3, let gid = accountNumber(fields[2]) else { return nil }
            return (fields[0], gid, fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : [])
        }
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: 0x0a).map { line in
            line.split(separator: 0x3a, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// `user[:group]`, each by name or by number (image-spec, config.md "User"); nothing means root.
    ///
    /// A number is never taken for a name, and one that is no id never falls back to one (CVE-2024-40635, CVE-2026-46680).
    package func resolve(_ text: String) throws(AccountError) -> Account {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count < 2 || !parts.contains("") else { throw .malformed(text) }
        var account = try user(parts.first ?? "")
        if parts.count == 2 {
            account.gid = try group(parts[1])
            // As the field has it: with a group of its own a user brings no others.
            account.groups = []
        }
        return account
    }

    /// The home directory of a user; `/` when nothing says, or what says it is no path.
    package func home(of uid: UInt32) -> String { users.first { $0.uid == uid }.map { Self.clean($0.home) } ?? "/" }

    private func user(_ text: String) throws(AccountError) -> Account {
        let wanted = text.isEmpty ? "0" : text
        let entry: (name: String, uid: UInt32, gid: UInt32, home: String)?
        if Self.isNumeric(wanted) {
            guard let uid = accountNumber(wanted) else { throw .outOfRange(wanted) }
            entry = users.first { $0.uid == uid }
            guard entry != nil else { return Account(uid: uid, gid: 0, groups: [], home: uid == 0 ? "/root" : "/") }
        } else {
            entry = users.first { $0.name == wanted }
        }
        guard let entry else { throw .unknownUser(wanted) }
        let further = groups.filter { $0.members.contains(entry.name) && $0.gid != entry.gid }.map(\.gid)
        return Account(uid: entry.uid, gid: entry.gid, groups: Array(Set(further)).sorted(), home: Self.clean(entry.home))
    }

    private func group(_ text: String) throws(AccountError) -> UInt32 {
        if Self.isNumeric(text) {
            guard let gid = accountNumber(text) else { throw .outOfRange(text) }
            return gid
        }
        guard let entry = groups.first(where: { $0.name == text }) else { throw .unknownGroup(text) }
        return entry.gid
    }

    /// The home of a hostile passwd goes into the environment: what is no path or has a control character gives way to the root.
    private static func clean(_ home: String) -> String {
        home.hasPrefix("/") && home.utf8.count < 4096 && !home.utf8.contains { $0 < 0x20 || $0 == 0x7f } ? home : "/"
    }

    /// Digits, with or without a sign: never a name.
    private static func isNumeric(_ text: String) -> Bool {
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

/// The one parser of ids (CVE-2026-30892): decimal digits only, below 2^32 - 1.
package func accountNumber(_ text: some StringProtocol) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text), number != .max else { return nil }
    return number
}
