/// A document that is JSON but not what its schema says; names the field: `linux.resources.memory.limit: a number expected, found a string`.
package struct FieldError: Error, Equatable, CustomStringConvertible, Sendable {
    package let field: String
    package let reason: String
    /// Well-formed, and asks for what this software does not do.
    package let isUnsupported: Bool
    package init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
        isUnsupported = false
    }

    /// `linux.intelRdt: is not supported`
    package init(unsupported field: String, _ reason: String = "is not supported") {
        self.field = field
        self.reason = reason
        isUnsupported = true
    }
    package var description: String { "\(field): \(reason)" }
}

/// One place in a document with the path that leads there: strict, typed access. Null counts as absent.
package struct JSONField: Sendable {
    /// Where this is: written out only for an error, as a document has thousands of places and rarely one that is wrong.
    fileprivate indirect enum Place: Sendable {
        case document
        case named(String)
        case member(Place, String)
        case element(Place, Int)

        var text: String {
            switch self {
            case .document: ""
            case .named(let name): name
            case .member(let parent, let name): parent.text.isEmpty ? name : "\(parent.text).\(name)"
            case .element(let parent, let number): "\(parent.text)[\(number)]"
            }
        }
    }

    private let place: Place
    /// Nil when the document has nothing there.
    package let value: JSON?

    package var path: String { place.text }

    /// The whole document.
    package init(_ document: JSON) { self.init(.document, document) }

    /// A document that is one part of another: errors name it as `name` and what is below.
    package init(_ document: JSON, named name: String) { self.init(.named(name), document) }

    private init(_ place: Place, _ value: JSON?) {
        self.place = place
        self.value = value == .null ? nil : value
    }

    package var isPresent: Bool { value != nil }

    /// The member of that name. Throws when this is there and is not an object.
    package func member(_ name: String) throws(FieldError) -> JSONField {
        guard let value else { return JSONField(.member(place, name), nil) }
        guard case .object(let object) = value else { throw mismatch("an object") }
        return JSONField(.member(place, name), object[name])
    }

    /// All members in the document's order; empty when absent.
    package func members() throws(FieldError) -> [(name: String, field: JSONField)] {
        guard let value else { return [] }
        guard case .object(let object) = value else { throw mismatch("an object") }
        return object.members.map { ($0.name, JSONField(.member(place, $0.name), $0.value)) }
    }

    /// The names of all members; empty when absent.
    package func memberNames() throws(FieldError) -> [String] { try members().map(\.name) }

    /// One after the other: nobody wants a list of them.
    package struct Elements: Sequence, IteratorProtocol {
        fileprivate let place: Place
        fileprivate let items: [JSON]
        private var taken = 0

        fileprivate init(_ place: Place, _ items: [JSON]) {
            self.place = place
            self.items = items
        }

        package mutating func next() -> JSONField? {
            guard taken < items.count else { return nil }
            defer { taken += 1 }
            return JSONField(.element(place, taken), items[taken])
        }
    }

    /// The elements; none when absent.
    package func elements() throws(FieldError) -> Elements {
        guard let value else { return Elements(place, []) }
        guard case .array(let items) = value else { throw mismatch("an array") }
        return Elements(place, items)
    }

    /// Text without NUL, at which every name and path would end for the kernel.
    package func optionalString() throws(FieldError) -> String? {
        guard let value else { return nil }
        guard case .string(let text) = value else { throw mismatch("a string") }
        guard !text.utf8.contains(0) else { throw FieldError(path, "a NUL character is not allowed") }
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
        guard let value else { return [] }
        guard case .array(let items) = value else { throw mismatch("an array") }
        var result: [String] = []
        result.reserveCapacity(items.count)
        for (number, item) in items.enumerated() {
            // The way of nearly all, without a place for each.
            if case .string(let text) = item, !text.utf8.contains(0) {
                result.append(text)
            } else {
                result.append(try JSONField(.element(place, number), item).string())
            }
        }
        return result
    }

    /// A map of strings; empty when absent.
    package func stringMap() throws(FieldError) -> [String: String] {
        var result: [String: String] = [:]
        for (name, member) in try members() { result[name] = try member.string() }
        return result
    }

    private func mismatch(_ wanted: String) -> FieldError {
        FieldError(path.isEmpty ? "document" : path, "\(wanted) expected, found \(value?.kind ?? "nothing")")
    }
}
