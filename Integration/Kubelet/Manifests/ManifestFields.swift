internal import OCI

/// One object of a manifest. Every member has to be asked for: what is left over is refused by name in `finish`.
final class ManifestObject {
    let field: JSONField
    private var remaining: Set<String>

    init(_ field: JSONField) throws(ManifestError) {
        self.field = field
        remaining = Set(try manifest { () throws(FieldError) in try field.memberNames() })
    }

    func take(_ name: String) throws(ManifestError) -> JSONField {
        remaining.remove(name)
        return try manifest { () throws(FieldError) in try field.member(name) }
    }

    func string(_ name: String) throws(ManifestError) -> String? {
        let field = try take(name)
        return try manifest { () throws(FieldError) in try field.optionalString() }
    }

    func required(_ name: String) throws(ManifestError) -> String {
        let field = try take(name)
        let text = try manifest { () throws(FieldError) in try field.string() }
        guard !text.isEmpty else { throw .invalid(field: field.path, reason: "is empty") }
        return text
    }

    func bool(_ name: String) throws(ManifestError) -> Bool? {
        let field = try take(name)
        return try manifest { () throws(FieldError) in try field.optionalBool() }
    }

    func integer(_ name: String) throws(ManifestError) -> Int64? {
        let field = try take(name)
        return try manifest { () throws(FieldError) in try field.optionalInteger() }
    }

    func strings(_ name: String) throws(ManifestError) -> [String] {
        let field = try take(name)
        return try manifest { () throws(FieldError) in try field.strings() }
    }

    func map(_ name: String) throws(ManifestError) -> [String: String] {
        let field = try take(name)
        return try manifest { () throws(FieldError) in try field.stringMap() }
    }

    func elements(_ name: String) throws(ManifestError) -> [ManifestObject] {
        let field = try take(name)
        var result: [ManifestObject] = []
        for element in try manifest({ () throws(FieldError) in try field.elements() }) { result.append(try ManifestObject(element)) }
        return result
    }

    func object(_ name: String) throws(ManifestError) -> ManifestObject? {
        let field = try take(name)
        return field.isPresent ? try ManifestObject(field) : nil
    }

    func quantity(_ name: String, _ parse: (String) -> Int64?) throws(ManifestError) -> Int64? {
        let field = try take(name)
        guard let value = field.value else { return nil }
        let text: String
        switch value {
        case .string(let written): text = written
        case .integer(let number): text = String(number)
        case .number(let number): text = "\(number)"
        default: text = ""
        }
        guard let number = parse(text) else { throw .invalid(field: field.path, reason: "\(value.text()) is no quantity") }
        return number
    }

    /// A word that must be one of an enum's.
    func word<T: RawRepresentable<String>>(_ name: String, _ type: T.Type) throws(ManifestError) -> T? {
        guard let text = try string(name) else { return nil }
        guard let value = T(rawValue: text) else { throw .invalid(field: path(of: name), reason: "\(text) is not one of its values") }
        return value
    }

    /// Members that say where or when a pod runs, not how: of no meaning to one node that was given it.
    func ignore(_ names: String...) { remaining.subtract(names) }

    func path(of name: String) -> String { field.path.isEmpty ? name : "\(field.path).\(name)" }

    /// Throws for the first member (by name) that nobody asked for.
    func finish() throws(ManifestError) {
        if let name = remaining.min() { throw .unsupported(field: path(of: name)) }
    }
}

func manifest<T>(_ body: () throws(FieldError) -> T) throws(ManifestError) -> T {
    do { return try body() } catch { throw .invalid(field: error.field, reason: error.reason) }
}
