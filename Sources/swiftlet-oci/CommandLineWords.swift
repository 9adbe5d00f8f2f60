/// One option that a command knows.
struct OptionShape {
    let name: String
    let short: Character?
    let takesValue: Bool

    static func flag(_ name: String, _ short: Character? = nil) -> OptionShape { OptionShape(name: name, short: short, takesValue: false) }
    static func value(_ name: String, _ short: Character? = nil) -> OptionShape { OptionShape(name: name, short: short, takesValue: true) }
}

/// The words after a command: options up to the first argument, then arguments as they are. Unknown options are errors.
struct CommandLineWords {
    private var values: [String: [String]] = [:]
    private(set) var rest: [String] = []

    init(_ words: [String], _ shapes: [OptionShape], of command: String) throws(CommandError) {
        var left = words[...]
        while let word = left.first {
            guard word.hasPrefix("-"), word != "-" else { break }
            left.removeFirst()
            if word == "--" { break }
            let halves = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let given = halves[0]
            let found = shapes.first { "--\($0.name)" == given || "-\($0.name)" == given || ($0.short.map { "-\($0)" } == given) }
            guard let shape = found else { throw .usage("\(command): unknown option \(given)") }
            switch (shape.takesValue, halves.count == 2) {
            case (true, true): values[shape.name, default: []].append(halves[1])
            case (true, false):
                guard let value = left.popFirst() else { throw .usage("\(command): option \(given) needs a value") }
                values[shape.name, default: []].append(value)
            case (false, false): values[shape.name] = []
            case (false, true):
                guard halves[1] == "true" || halves[1] == "false" else { throw .usage("\(command): option \(given) takes no value") }
                if halves[1] == "true" { values[shape.name] = [] }
            }
        }
        rest = Array(left)
    }

    func has(_ name: String) -> Bool { values[name] != nil }
    func value(_ name: String) -> String? { values[name]?.last }
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A number of descriptors or an id: digits alone.
    func number(_ name: String) throws(CommandError) -> Int32? {
        guard let text = value(name) else { return nil }
        guard let number = Int32(text), number >= 0, number <= 1024 else {
            throw .usage("--\(name): a number from 0 to 1024 expected, found \(text)")
        }
        return number
    }

    /// The only argument.
    func one(_ what: String, of command: String) throws(CommandError) -> String {
        guard rest.count == 1, let word = rest.first else { throw .usage("\(command): one argument expected: \(what)") }
        return word
    }
}
