/// Checks that many fields of the runtime-spec share; each error names its field.
extension JSONField {
    func invalid(_ reason: String) -> FieldError { FieldError(path, reason) }
    func unsupported(_ reason: String = "is not supported") -> FieldError { FieldError(unsupported: path, reason) }

    /// An empty string counts as absent, as Go's encoders with `omitempty` mean it.
    func optionalText() throws(FieldError) -> String? {
        guard let text = try optionalString(), !text.isEmpty else { return nil }
        return text
    }

    /// Present and not empty.
    func text() throws(FieldError) -> String {
        let text = try string()
        guard !text.isEmpty else { throw invalid("is empty") }
        return text
    }

    func absolutePath() throws(FieldError) -> String {
        let path = try text()
        guard path.utf8.first == UInt8(ascii: "/") else { throw invalid("an absolute path expected, found \(path)") }
        return path
    }

    func absolutePaths() throws(FieldError) -> [String] {
        var result: [String] = []
        for element in try elements() { result.append(try element.absolutePath()) }
        return result
    }

    /// Text for one line of a file: control characters are refused (CVE-2022-0811 and its like).
    func plainText() throws(FieldError) -> String? {
        guard let text = try optionalText() else { return nil }
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { throw invalid("a control character is not allowed") }
        return text
    }

    /// A user or group number, 0 … 2^32-2: the last one means "none" to the kernel (CVE-2024-40635).
    func optionalID() throws(FieldError) -> UInt32? {
        guard isPresent else { return nil }
        guard let wide = try optionalInteger(Int64.self), let id = UInt32(exactly: wide), id != .max else {
            throw invalid("is outside 0 … \(UInt32.max - 1)")
        }
        return id
    }

    func optionalInteger<T: FixedWidthInteger>(in range: ClosedRange<T>) throws(FieldError) -> T? {
        guard let number = try optionalInteger(T.self) else { return nil }
        guard range.contains(number) else { throw invalid("is outside \(range.lowerBound) … \(range.upperBound)") }
        return number
    }

    /// One of the words of a closed list. An empty string counts as absent.
    func optionalWord<T: RawRepresentable<String>>(_ type: T.Type = T.self) throws(FieldError) -> T? {
        guard let text = try optionalText() else { return nil }
        guard let word = T(rawValue: text) else { throw invalid("unknown value \(text)") }
        return word
    }

    func word<T: RawRepresentable<String>>(_ type: T.Type = T.self) throws(FieldError) -> T {
        guard let word = try optionalWord(T.self) else { throw invalid(isPresent ? "is empty" : "is missing") }
        return word
    }

    /// Every element decoded by `body`.
    func list<T>(_ body: (JSONField) throws(FieldError) -> T) throws(FieldError) -> [T] {
        var result: [T] = []
        for element in try elements() { result.append(try body(element)) }
        return result
    }

    /// Nil when absent.
    func optional<T>(_ body: (JSONField) throws(FieldError) -> T) throws(FieldError) -> T? {
        isPresent ? try body(self) : nil
    }

    /// Nil also for what an encoder writes for a section that nobody set (`{}`).
    func asked<T>(_ body: (JSONField) throws(FieldError) -> T) throws(FieldError) -> T? {
        value?.asksForSomething == true ? try body(self) : nil
    }

    /// Refuses the members of these names that ask for something (config.md, "Valid values": unsupported MUST be an error).
    func refuse(_ names: String...) throws(FieldError) {
        for name in names {
            let field = try member(name)
            if let value = field.value, value.asksForSomething { throw field.unsupported() }
        }
    }
}

extension JSON {
    /// False for what an encoder writes for a field nobody set.
    var asksForSomething: Bool {
        switch self {
        case .null: false
        case .bool(let flag): flag
        case .integer, .unsigned, .number: true
        case .string(let text): !text.isEmpty
        case .array(let items): !items.isEmpty
        case .object(let object): object.members.contains { $0.value.asksForSomething }
        }
    }
}
