internal import OCI

/// A network: a list of plugins that are run one after the other (CNI 1.1, "Network configuration format").
struct NetworkList: Equatable, Sendable {
    struct Plugin: Equatable, Sendable {
        let type: String
        /// The capabilities that it declares as true.
        let capabilities: Set<String>
        /// The whole object, as the plugin gets it beside what the runtime puts in.
        let config: JSONObject
    }

    let name: String
    let version: CNIVersion
    let disableCheck: Bool
    let disableGC: Bool
    let plugins: [Plugin]
    /// The document, as the cache keeps it.
    let source: JSON

    var capabilities: Set<String> { plugins.reduce(into: []) { $0.formUnion($1.capabilities) } }

    /// The text of a `.conflist`, or of a `.conf` or `.json` of one plugin. `path` is for messages.
    init(_ bytes: [UInt8], path: String) throws(NetworkError) {
        do {
            try self.init(try JSON(parsing: bytes), path: path)
        } catch let error as NetworkError {
            throw error
        } catch {
            throw .document(path: path, reason: "\(error)")
        }
    }

    private init(_ document: JSON, path: String) throws {
        let field = JSONField(document)
        source = document
        name = try field.member("name").string()
        guard Self.isName(name) else { throw FieldError("name", "\(quoted(name)) is not made of letters, digits, `.`, `_` and `-`") }
        version = try Self.version(field, path)
        disableCheck = try Self.flag(field, "disableCheck")
        disableGC = try Self.flag(field, "disableGC")
        let list = try field.member("plugins")
        // A file of the older form is one plugin, and carries the network's name and version itself.
        plugins = try list.isPresent ? list.elements().map(Self.plugin) : [Self.plugin(field)]
        guard !plugins.isEmpty else { throw FieldError("plugins", "is empty") }
    }

    private static func plugin(_ field: JSONField) throws -> Plugin {
        let type = try field.member("type").string()
        // It becomes the name of a file (CNI, "type").
        guard !type.isEmpty, !type.contains("/"), !type.hasPrefix(".") else {
            throw FieldError(try field.member("type").path, "\(quoted(type)) is no name of a program")
        }
        var capabilities: Set<String> = []
        for (name, value) in try field.member("capabilities").members() where try value.optionalBool() == true { capabilities.insert(name) }
        return Plugin(type: type, capabilities: capabilities, config: field.value?.object ?? JSONObject())
    }

    /// The highest of `cniVersion` and `cniVersions` that is known here.
    private static func version(_ field: JSONField, _ path: String) throws -> CNIVersion {
        let texts = [try field.member("cniVersion").optionalString()].compactMap(\.self) + (try field.member("cniVersions").strings())
        guard !texts.isEmpty else { throw FieldError("cniVersion", "is missing") }
        let known = texts.compactMap { CNIVersion($0) }.filter(CNIVersion.supported.contains)
        guard let best = known.max() else {
            throw NetworkError.unsupported(path: path, what: "cniVersion \(texts.map(quoted).joined(separator: ", "))")
        }
        return best
    }

    /// Older files write flags as text.
    private static func flag(_ field: JSONField, _ name: String) throws -> Bool {
        let member = try field.member(name)
        if case .string(let text)? = member.value {
            guard let value = ["true": true, "false": false][text] else {
                throw FieldError(name, "\(quoted(text)) is neither true nor false")
            }
            return value
        }
        return try member.optionalBool() ?? false
    }

    /// As CNI names networks and containers.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || [0x2e, 0x5f, 0x2d].contains($0) }
    }
}
