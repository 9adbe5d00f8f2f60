/// Why a config.json, or a `process` object, was refused.
package enum SpecError: Error, Equatable, CustomStringConvertible, Sendable {
    case tooLarge(bytes: Int, limit: Int)
    case malformed(JSONError)
    /// A field has the wrong type, is missing, or its value makes no sense.
    case invalid(field: String, reason: String)
    /// A field asks for what this software does not do (config.md, "Extensibility": MUST generate an error).
    case unsupported(field: String, reason: String)

    init(_ error: FieldError) {
        self =
            error.isUnsupported
            ? .unsupported(field: error.field, reason: error.reason) : .invalid(field: error.field, reason: error.reason)
    }

    package var description: String {
        switch self {
        case .tooLarge(let bytes, let limit): "document: \(bytes) bytes, at most \(limit) are read"
        case .malformed(let error): error.description
        case .invalid(let field, let reason), .unsupported(let field, let reason): "\(field): \(reason)"
        }
    }

    /// More than any real config.json (CVE-2023-25153 and its like: every parsed document has a limit).
    package static let documentLimit = 16 << 20

    /// Parses within the limit and decodes, with both kinds of failure as one.
    static func decode<T>(_ bytes: [UInt8], as name: String? = nil, _ body: (JSONField) throws(FieldError) -> T) throws(SpecError) -> T {
        try decode(parse(bytes), as: name, body)
    }

    static func parse(_ bytes: [UInt8]) throws(SpecError) -> JSON {
        guard bytes.count <= documentLimit else { throw .tooLarge(bytes: bytes.count, limit: documentLimit) }
        do { return try JSON(parsing: bytes) } catch { throw .malformed(error) }
    }

    /// A document that has been parsed.
    static func decode<T>(_ document: JSON, as name: String? = nil, _ body: (JSONField) throws(FieldError) -> T) throws(SpecError) -> T {
        do { return try body(name.map { JSONField(document, named: $0) } ?? JSONField(document)) } catch { throw SpecError(error) }
    }
}
