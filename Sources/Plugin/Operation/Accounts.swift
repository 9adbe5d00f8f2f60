internal import Glibc

/// Users and groups of the node by name or number (getpwnam(3), getgrnam(3)). For one thread, before there are others that ask.
enum Accounts {
    static func user(_ name: String) -> UInt32? {
        if let number = number(name) { return number }
        guard let entry = unsafe getpwnam(name) else { return nil }
        return unsafe entry.pointee.pw_uid
    }

    static func group(_ name: String) -> UInt32? {
        if let number = number(name) { return number }
        guard let entry = unsafe getgrnam(name) else { return nil }
        return unsafe entry.pointee.gr_gid
    }

    /// 0 to 2³²-2, in decimal digits alone.
    private static func number(_ text: String) -> UInt32? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text), number < .max else {
            return nil
        }
        return number
    }
}
