import Executor
import LinuxSys
import OCI

/// The executor as an OCI runtime command (runtime.md, "Operations", with the command line that runc has made common).
struct Program {
    static let options: [Option] = [
        .value("root", nil, "DIR", "where state is kept (/run/swiftlet-oci; of a user without privileges below XDG_RUNTIME_DIR)"),
        .value("log", nil, "FILE", "where errors and warnings are written to (standard error)"),
        .value("log-format", nil, "FORMAT", "text or json (text)"),
        .flag("debug", nil, "more in the log"),
        .flag("systemd-cgroup", nil, "make cgroups through systemd; cgroupsPath is slice:prefix:name"),
        .value("rootless", nil, "WHEN", "go on without cgroups that may not be written: true, false or auto (auto)"),
        .value("criu", nil, "FILE", "the criu to checkpoint and restore with (criu)"),
        .flag("version", "v", "the version"),
        .flag("help", "h", "this page"),
    ]

    private let words: [String]

    init(_ arguments: [String]) { words = arguments }

    /// The exit status. Every failure has been told when it returns.
    func run() -> Int32 {
        var log = Log()
        do {
            try kernel { () throws(SysError) in try closeDescriptors(from: Handover.end(words)) }
            let global = try Arguments(Array(words.dropFirst()), Self.options, .optionsFirst, of: "swiftlet-oci")
            log = try Log(global)
            return try run(global, log)
        } catch {
            log.fail(error.description)
            return error.status
        }
    }

    private func run(_ global: Arguments, _ log: Log) throws(CommandError) -> Int32 {
        if global.has("version") {
            write("swiftlet-oci version \(swiftletVersion)\nspec: \(ContainerState.version)\n", to: 1)
            return 0
        }
        guard !global.has("help"), let name = global.rest.first, name != "help" else { return try help(global) }
        guard let verb = Verb(rawValue: name) else { throw .usage("unknown command \(name); see swiftlet-oci --help") }
        let given = try Arguments(Array(global.rest.dropFirst()), verb.options, verb.order, of: name)
        if given.has("help") {
            write(Help.page(verb), to: 1)
            return 0
        }
        if verb.entersContainers { try kernel { () throws(SysError) in try SealedProgram.ensure(arguments: words) } }
        ProcessControl.setName("swiftlet-oci")
        return try Invocation(global: global, given: given, log: log).run(verb)
    }

    /// `help`, `help VERB`, `--help`, and nothing at all.
    private func help(_ global: Arguments) throws(CommandError) -> Int32 {
        guard let word = global.rest.dropFirst().first, global.rest.first == "help" else {
            write(Help.program, to: 1)
            return 0
        }
        guard let verb = Verb(rawValue: word) else { throw .usage("unknown command \(word); see swiftlet-oci --help") }
        write(Help.page(verb), to: 1)
        return 0
    }
}
