/// A version of the Container Network Interface.
struct CNIVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    let major: Int, minor: Int, patch: Int

    init(_ major: Int, _ minor: Int, _ patch: Int) { (self.major, self.minor, self.patch) = (major, minor, patch) }

    /// `1.0.0`; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, text.utf8.allSatisfy({ $0 == 0x2e || (0x30...0x39).contains($0) }) else { return nil }
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == 3 else { return nil }
        self.init(numbers[0], numbers[1], numbers[2])
    }

    static func < (one: Self, other: Self) -> Bool {
        (one.major, one.minor, one.patch) < (other.major, other.minor, other.patch)
    }

    var description: String { "\(major).\(minor).\(patch)" }

    /// The versions whose results are read here: those whose `ips` is a list.
    static let supported = [CNIVersion(0, 3, 0), .init(0, 3, 1), .init(0, 4, 0), .init(1, 0, 0), .init(1, 1, 0)]

    var hasCheck: Bool { self >= CNIVersion(0, 4, 0) }
    /// GC and STATUS.
    var hasStatus: Bool { self >= CNIVersion(1, 1, 0) }
}

/// What a network plugin is asked for (CNI, "CNI operations").
enum CNIVerb: String, Sendable { case add = "ADD", del = "DEL", check = "CHECK", gc = "GC", status = "STATUS", version = "VERSION" }
