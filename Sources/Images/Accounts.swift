internal import OCI

extension Accounts {
    /// Of an image: its own /etc/passwd and /etc/group, read through descriptors inside the layers.
    init(_ tree: MergedTree) throws(ImageError) {
        self.init(passwd: try Self.file("etc/passwd", tree), group: try Self.file("etc/group", tree))
    }

    private static func file(_ path: String, _ tree: MergedTree) throws(ImageError) -> [UInt8] {
        guard let place = try? cleanPath(Array(path.utf8)) else { return [] }
        return try tree.contents(of: place, limit: sizeLimit) ?? []
    }
}

extension ImageError {
    init(_ error: AccountError) {
        switch error {
        case .malformed(let text): self = .invalid(what: "user", value: text, reason: "user:group expected")
        case .outOfRange(let text): self = .invalid(what: "user", value: text, reason: "an id outside 0 … 2^32-2")
        case .unknownUser(let name): self = .notFound(kind: .user, name: name)
        case .unknownGroup(let name): self = .notFound(kind: .group, name: name)
        }
    }
}
