/// One option that a program or a verb knows: what the parser needs and what the help shows, in one place.
struct Option: Equatable, Sendable {
    enum Value: Equatable, Sendable {
        /// `--name`, also `--name=true` and `--name=false`.
        case none
        /// `--name VALUE` or `--name=VALUE`; the last one counts. The text is what the help shows for VALUE.
        case one(String)
        /// The same, and every one counts.
        case many(String)
    }

    let name: String
    let short: Character?
    let value: Value
    let help: String

    static func flag(_ name: String, _ short: Character? = nil, _ help: String) -> Option {
        Option(name: name, short: short, value: .none, help: help)
    }

    static func value(_ name: String, _ short: Character? = nil, _ shown: String, _ help: String) -> Option {
        Option(name: name, short: short, value: .one(shown), help: help)
    }

    static func list(_ name: String, _ short: Character? = nil, _ shown: String, _ help: String) -> Option {
        Option(name: name, short: short, value: .many(shown), help: help)
    }

    /// `-b, --bundle DIR`
    var shown: String {
        let names = short.map { "-\($0), --\(name)" } ?? "    --\(name)"
        return switch value {
        case .none: names
        case .one(let value): "\(names) \(value)"
        case .many(let value): "\(names) \(value) …"
        }
    }

    /// One dash or two, as Go's flags have it.
    func isMeant(by word: Substring) -> Bool {
        var word = word.dropFirst()
        if word.first == "-" { word = word.dropFirst() }
        return word == name[...] || (short.map { word == Substring(String($0)) } ?? false)
    }
}
