/// `-e` and `--env-file`: variables for the container, the later of one name wins.
package struct EnvironmentList: Equatable, Sendable {
    package private(set) var entries: [String] = []

    package init() {}

    /// `NAME=VALUE`, or `NAME` for the value it has here (left out when it has none).
    package mutating func add(_ text: String, inherited: [String: String]) throws(ArgumentFailure) {
        let name = text.prefix { $0 != "=" }
        guard !name.isEmpty else { throw ArgumentFailure(text, "a variable needs a name") }
        guard !text.utf8.contains(0) else { throw ArgumentFailure(text, "a zero byte in a variable") }
        if name.utf8.count < text.utf8.count {
            set(String(name), text)
        } else if let value = inherited[text] {
            set(text, "\(text)=\(value)")
        }
    }

    /// Lines as for `add`; empty lines and lines that begin with # count for nothing.
    package mutating func add(file bytes: [UInt8], named path: String, inherited: [String: String]) throws(ArgumentFailure) {
        // Lines are cut as bytes: to a String, carriage return and line feed are one character.
        for (number, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let entry = (line.last == 0x0d ? line.dropLast() : line).drop { $0 == 0x20 || $0 == 0x09 }
            guard let clean = String(validating: entry, as: UTF8.self) else { throw ArgumentFailure("\(path):\(number + 1)", "not UTF-8") }
            if clean.isEmpty || clean.hasPrefix("#") { continue }
            let name = clean.prefix { $0 != "=" }
            guard !name.contains(where: \.isWhitespace) else {
                throw ArgumentFailure("\(path):\(number + 1)", "white space in a variable's name")
            }
            try add(clean, inherited: inherited)
        }
    }

    private mutating func set(_ name: String, _ entry: String) {
        entries.removeAll { $0.hasPrefix("\(name)=") }
        entries.append(entry)
    }
}

/// `--label NAME=VALUE` (or `NAME` with an empty value).
package func parseLabels(_ texts: [String]) throws(ArgumentFailure) -> [String: String] {
    var labels: [String: String] = [:]
    for text in texts {
        let name = text.prefix { $0 != "=" }
        guard !name.isEmpty else { throw ArgumentFailure(text, "a label needs a name") }
        labels[String(name)] = String(text.dropFirst(name.count + 1))
    }
    return labels
}
