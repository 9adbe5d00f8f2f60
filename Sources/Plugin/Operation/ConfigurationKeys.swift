internal import OCI

/// One section of a configuration: a mapping in which every key is known.
struct Keys {
    private let field: JSONField

    init(_ field: JSONField, _ known: [String]) throws(FieldError) {
        self.field = field
        for member in try field.members() where !known.contains(member.name) {
            throw FieldError(member.field.path, "is no key of the configuration")
        }
    }

    func section(_ name: String, _ known: [String]) throws(FieldError) -> Keys? {
        let member = try field.member(name)
        return member.isPresent ? try Keys(member, known) : nil
    }

    /// Sections under names of the reader's own.
    func sections(_ name: String, _ known: [String]) throws(FieldError) -> [(String, Keys)] {
        let member = try field.member(name)
        guard member.isPresent else { return [] }
        var result: [(String, Keys)] = []
        for (name, field) in try member.members() { result.append((name, try Keys(field, known))) }
        return result
    }

    func word(_ name: String) throws(FieldError) -> String? { try field.member(name).optionalString() }

    /// Strings or numbers.
    func words(_ name: String) throws(FieldError) -> [String] {
        var result: [String] = []
        for element in try field.member(name).elements() {
            switch element.value {
            case .some(.integer(let number)): result.append(String(number))
            default: result.append(try element.string())
            }
        }
        return result
    }

    /// Absolute, of at most as many bytes as a path has.
    func path(_ name: String) throws(FieldError) -> String? {
        let member = try field.member(name)
        guard let text = try member.optionalString() else { return nil }
        guard text.hasPrefix("/"), text.utf8.count < 4096, !text.utf8.contains(where: { $0 < 0x20 }) else {
            throw FieldError(member.path, "must be an absolute path")
        }
        return text
    }

    /// Octal digits in a string: a bare 0600 is a number of another value in some dialects of YAML.
    func mode(_ name: String) throws(FieldError) -> UInt32? {
        let member = try field.member(name)
        guard let text = try member.optionalString() else { return nil }
        guard (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8), mode <= 0o777 else {
            throw FieldError(member.path, "must be an octal mode in quotes, as \"0660\"")
        }
        return mode
    }

    func number(_ name: String, from least: Int64, to most: Int64) throws(FieldError) -> Int64? {
        let member = try field.member(name)
        guard let number = try member.optionalInteger(Int64.self) else { return nil }
        guard (least...most).contains(number) else { throw FieldError(member.path, "must be from \(least) to \(most)") }
        return number
    }

    func choice<T: RawRepresentable<String> & CaseIterable>(_ name: String, _ type: T.Type) throws(FieldError) -> T? {
        let member = try field.member(name)
        guard let text = try member.optionalString() else { return nil }
        guard let value = T(rawValue: text) else {
            throw FieldError(member.path, "must be one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }
}
