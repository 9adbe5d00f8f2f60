/// The pages of help, made from the tables that the parser uses.
enum Help {
    static var program: String {
        var text = """
            swiftlet-oci: runs containers from OCI bundles

            usage: swiftlet-oci [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]

            commands:

            """
        let width = Verb.allCases.map(\.rawValue.utf8.count).max() ?? 0
        for verb in Verb.allCases { text += "  \(padded(verb.rawValue, width))  \(verb.summary)\n" }
        return text + "\noptions:\n\(list(Program.options))\nswiftlet-oci COMMAND --help tells a command's options.\n"
    }

    static func page(_ verb: Verb) -> String {
        let arguments = verb.arguments.isEmpty ? "" : " \(verb.arguments)"
        var text = "swiftlet-oci \(verb.rawValue): \(verb.summary)\n\nusage: swiftlet-oci \(verb.rawValue) [OPTIONS]\(arguments)\n"
        if !verb.explanation.isEmpty { text += "\n\(verb.explanation)\n" }
        return text + "\noptions:\n\(list(verb.options))"
    }

    private static func list(_ options: [Option]) -> String {
        let width = options.map(\.shown.count).max() ?? 0
        return options.map { "  \(padded($0.shown, width))  \($0.help)\n" }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}
