/// The words after a program or a verb, sorted into options and arguments.
struct Arguments: Equatable {
    /// Where options end.
    enum Order {
        /// At the first argument: what follows belongs to another program, or to a verb.
        case optionsFirst
        /// Nowhere but at `--`: options may stand behind arguments too.
        case mixed
    }

    private struct Given: Equatable {
        var name: String
        var values: [String]
    }

    private var given: [Given] = []
    private(set) var rest: [String] = []

    /// `options` is asked for when the first one is met.
    init(_ words: [String], _ options: @autoclosure () -> [Option], _ order: Order, of command: String) throws(CommandError) {
        var left = words[...]
        var known: [Option] = []
        while let word = left.popFirst() {
            if word == "--" { break }
            guard word.hasPrefix("-"), word != "-" else {
                rest.append(word)
                if order == .optionsFirst { break }
                continue
            }
            let halves = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if known.isEmpty { known = options() }
            guard let option = known.first(where: { $0.isMeant(by: halves[0]) }) else {
                throw .usage("\(command): unknown option \(halves[0])")
            }
            try take(option, halves, &left, command)
        }
        rest += left
    }

    private mutating func take(_ option: Option, _ halves: [Substring], _ left: inout ArraySlice<String>, _ command: String)
        throws(CommandError)
    {
        guard option.value == .none else {
            guard let value = halves.count == 2 ? String(halves[1]) : left.popFirst() else {
                throw .usage("\(command): option \(halves[0]) needs a value")
            }
            if let at = given.firstIndex(where: { $0.name == option.name }) {
                given[at].values.append(value)
            } else {
                given.append(Given(name: option.name, values: [value]))
            }
            return
        }
        given.removeAll { $0.name == option.name }
        switch halves.count == 2 ? String(halves[1]) : "true" {
        case "true", "1", "t", "T", "TRUE", "True": given.append(Given(name: option.name, values: []))
        case "false", "0", "f", "F", "FALSE", "False": break
        default: throw .usage("\(command): option \(halves[0]): true or false expected, found \(halves[1])")
        }
    }

    private func values(_ name: String) -> [String]? { given.first { $0.name == name }?.values }

    func has(_ name: String) -> Bool { values(name) != nil }
    /// An empty value counts as none, as runc has it.
    func value(_ name: String) -> String? { values(name)?.last.flatMap { $0.isEmpty ? nil : $0 } }
    func all(_ name: String) -> [String] { values(name) ?? [] }

    /// Decimal digits with at most a minus before them; anything else is an error.
    func number(_ name: String, in range: ClosedRange<Int64> = .min ... .max) throws(CommandError) -> Int64? {
        guard let text = value(name) else { return nil }
        guard let number = Self.integer(text), range.contains(number) else {
            let bounds = range == .min ... .max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
            throw .usage("--\(name): a number\(bounds) expected, found \(text)")
        }
        return number
    }

    static func integer(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// The only argument.
    func one(_ what: String, of command: String) throws(CommandError) -> String {
        guard rest.count == 1, let word = rest.first else { throw .usage("\(command): one argument expected: \(what)") }
        return word
    }

    func none(of command: String) throws(CommandError) {
        guard rest.isEmpty else { throw .usage("\(command): no argument expected, found \(rest[0])") }
    }
}
