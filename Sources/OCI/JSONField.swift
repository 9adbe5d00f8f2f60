/// A document that is JSON but not what its schema says; names the field: `linux.resources.memory.limit: a number expected, found a string`.
package struct FieldError: Error, Equatable, CustomStringConvertible, Sendable {
    package let field: String
    package let reason: String
    package init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }
    package var description: String { "\(field): \(reason)" }
}

/// One place in a document with the path that leads there: strict, typed access. Null counts as absent.
package struct JSONField: Sendable {
    package let path: String
    /// Nil when the document has nothing there.
    package let value: JSON?

    /// The whole document.
    package init(_ document: JSON) {
        path = ""
        value = document == .null ? nil : document
    }

    private init(path: String, value: JSON?) {
        self.path = path
        self.value = value == .null ? nil : value
    }

    package var isPresent: Bool { value != nil }

    /// The member of that name. Throws when this is there and is not an object.
    package func member(_ name: String) throws(FieldError) -> JSONField {
        let place = path.isEmpty ? name : "\(path).\(name)"
        guard let value else { return JSONField(path: place, value: nil) }
        guard case .object(let object) = value else { throw mismatch("an object") }
        return JSONField(path: place, value: object[name])
    }

    /// The names of all members; empty when absent.
    package func memberNames() throws(FieldError) -> [String] {
        guard let value else { return [] }
        guard case .object(let object) = value else { throw mismatch("an object") }
        return object.members.map(\.name)
    }

    /// The elements; empty when absent.
    package func elements() throws(FieldError) -> [JSONField] {
        guard let value else { return [] }
        guard case .array(let items) = value else { throw mismatch("an array") }
        return items.enumerated().map { JSONField(path: "\(path)[\($0.offset)]", value: $0.element) }
    }

    package func optionalString() throws(FieldError) -> String? {
        guard let value else { return nil }
        guard case .string(let text) = value else { throw mismatch("a string") }
        return text
    }

    package func string() throws(FieldError) -> String {
        guard let text = try optionalString() else { throw FieldError(path, "is missing") }
        return text
    }

    package func optionalBool() throws(FieldError) -> Bool? {
        guard let value else { return nil }
        guard case .bool(let flag) = value else { throw mismatch("a boolean") }
        return flag
    }

    /// Any width: out of range is an error, never a wrap.
    package func optionalInteger<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(FieldError) -> T? {
        guard let value else { return nil }
        let result: T?
        switch value {
        case .integer(let number): result = T(exactly: number)
        case .unsigned(let number): result = T(exactly: number)
        case .number(let number): result = T(exactly: number)
        default: throw mismatch("a number")
        }
        guard let result else { throw FieldError(path, "is outside \(T.min) … \(T.max)") }
        return result
    }

    package func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(FieldError) -> T {
        guard let number = try optionalInteger(T.self) else { throw FieldError(path, "is missing") }
        return number
    }

    /// Strings of an array; empty when absent.
    package func strings() throws(FieldError) -> [String] {
        var result: [String] = []
        for element in try elements() { result.append(try element.string()) }
        return result
    }

    /// A map of strings; empty when absent.
    package func stringMap() throws(FieldError) -> [String: String] {
        var result: [String: String] = [:]
        for name in try memberNames() { result[name] = try member(name).string() }
        return result
    }

    private func mismatch(_ wanted: String) -> FieldError { FieldError(path.isEmpty ? "document" : path, "\(wanted) expected, found \(value?.kind ?? "nothing")") }
}
