/// The command line with which an orchestrator calls a runtime (containerd's "runtime v2" shim binary): flags in the manner of
/// Go's flag package (`-name value`, `-name=value`, one dash or two), then the verb.
package struct Arguments: Equatable, Sendable {
    package enum Verb: Equatable, Sendable { case start, delete, version, info, help }

    package var verb = Verb.help
    package var namespace = ""
    package var id = ""
    package var address = ""
    package var publishBinary = ""
    package var bundle = ""
    package var debug = false

    package static let usage = """
        usage: containerd-shim-swiftlet-v2 -namespace NAME -id ID [flags] start|delete
               containerd-shim-swiftlet-v2 -version | -info

        flags:
          -namespace NAME        namespace of the orchestrator
          -id ID                 id of the task
          -address PATH          orchestrator's own address (with the namespace and id it names the shim's socket)
          -publish-binary PATH   accepted; events go over ttrpc to $TTRPC_ADDRESS
          -bundle PATH           directory of the bundle (default: the working directory)
          -debug                 log more
        """

    package init(_ words: [String]) throws(TaskError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.utf8.first == UInt8(ascii: "-") else {
                guard rest.isEmpty else { throw .invalid(word, "more than one verb") }
                verb = try Self.verb(word)
                return
            }
            let flag = word.drop { $0 == "-" }
            let parts = flag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try take(String(parts[0]), parts.count > 1 ? String(parts[1]) : nil, &rest)
        }
    }

    private static func verb(_ word: String) throws(TaskError) -> Verb {
        switch word {
        case "start": .start
        case "delete": .delete
        default: throw .invalid("verb \(word)", "start or delete expected")
        }
    }

    private mutating func take(_ name: String, _ attached: String?, _ rest: inout ArraySlice<String>) throws(TaskError) {
        switch name {
        case "debug": debug = attached.map { $0 == "true" || $0 == "1" } ?? true
        case "v", "version": verb = .version
        case "info": verb = .info
        case "h", "help": verb = .help
        case "namespace": namespace = try Self.value(name, attached, &rest)
        case "id": id = try Self.value(name, attached, &rest)
        case "address": address = try Self.value(name, attached, &rest)
        case "publish-binary": publishBinary = try Self.value(name, attached, &rest)
        case "bundle": bundle = try Self.value(name, attached, &rest)
        default: throw .invalid("flag -\(name)", "unknown")
        }
    }

    private static func value(_ name: String, _ attached: String?, _ rest: inout ArraySlice<String>) throws(TaskError) -> String {
        if let attached { return attached }
        guard let next = rest.popFirst() else { throw .invalid("flag -\(name)", "needs a value") }
        return next
    }

    /// A verb on a task needs to know which.
    package func requireTask() throws(TaskError) {
        guard !namespace.isEmpty else { throw .invalid("flag -namespace", "is missing") }
        guard !id.isEmpty else { throw .invalid("flag -id", "is missing") }
        let bad = id == "." || id == ".." || id.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 || $0 == 0x7f }
        guard !bad, id.utf8.count <= 1024 else { throw .invalid("id \(id)", "is no valid name") }
    }
}
