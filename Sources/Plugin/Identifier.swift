/// Ids of pods, containers and execs.
enum Identifier {
    /// 64 hexadecimal digits.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    /// The one key that is `text` or begins with it.
    static func find<Value>(_ text: String, in all: [String: Value], _ kind: PluginError.Kind) throws(PluginError) -> Value {
        if let exact = all[text] { return exact }
        guard !text.isEmpty else { throw .invalid(field: "\(kind.rawValue) id", reason: "is empty") }
        var found: Value?
        for (key, value) in all where key.hasPrefix(text) {
            if found != nil { throw .ambiguous(kind, quoted(text)) }
            found = value
        }
        guard let found else { throw .notFound(kind, quoted(text)) }
        return found
    }
}
