import Executor
import Glibc
import LinuxSys
import OCI

/// Why a command could not be done, as one line: operation, subject, reason.
enum CommandError: Error, CustomStringConvertible {
    case usage(String)
    case executor(ExecutorFailure)
    case kernel(SysError)
    case state(operation: String, id: String, reason: String)

    var description: String {
        switch self {
        case .usage(let text): text
        case .executor(let failure): failure.description
        case .kernel(let error): error.description
        case .state(let operation, let id, let reason): "\(operation) \(id): \(reason)"
        }
    }

    var status: Int32 { 1 }
}

func complain(_ line: String) { write("swiftlet-oci: \(line)\n", to: 2) }

func write(_ text: String, to number: Int32) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress! + done, bytes.count - done) }
        if count < 0 && errno != EINTR { return }
        done += max(0, count)
    }
}

/// Turns the kernel's error into the command's.
@discardableResult
func kernel<R: ~Copyable>(_ body: () throws(SysError) -> R) throws(CommandError) -> R {
    do { return try body() } catch { throw .kernel(error) }
}

/// The executor as an OCI runtime command (runtime.md, "Operations", with the command line that runc has made common).
struct Program {
    private let words: [String]

    init(_ arguments: [String]) { words = arguments }

    func run() throws(CommandError) -> Int32 {
        let global = try CommandLineWords(Array(words.dropFirst()), Self.globalOptions, of: "swiftlet-oci")
        if global.has("version") {
            write("swiftlet-oci version \(swiftletVersion)\nspec: \(ContainerState.version)\n", to: 1)
            return 0
        }
        guard !global.has("help"), let name = global.rest.first, name != "help" else {
            write(Help.text, to: global.has("help") || global.rest.first == "help" ? 1 : 2)
            return global.has("help") || global.rest.first == "help" ? 0 : 1
        }
        guard let command = Command(rawValue: name) else { throw .usage("unknown command \(name); see swiftlet-oci --help") }
        let given = try CommandLineWords(Array(global.rest.dropFirst()), command.options, of: name)
        if given.has("help") {
            write(Help.text, to: 1)
            return 0
        }
        if command.entersContainers { try kernel { () throws(SysError) in try SealedProgram.ensure(arguments: words) } }
        ProcessControl.setName("swiftlet-oci")
        let store = StateStore(root: global.value("root") ?? "/run/swiftlet-oci")
        switch command {
        case .create: return try CreateCommand(store, given).create()
        case .run: return try CreateCommand(store, given).run()
        case .start: return try StartCommand(store, given).run()
        case .exec: return try ExecCommand(store, given).run()
        case .kill: return try KillCommand(store, given).run()
        case .delete: return try DeleteCommand(store, given).run()
        case .state: return try StateCommand(store, given).run()
        case .list: return try ListCommand(store, given).run()
        case .spec: return try SpecCommand(given).run()
        }
    }

    private static let globalOptions: [OptionShape] = [.value("root"), .flag("version", "v"), .flag("help", "h")]
}

enum Command: String {
    case create, start, run, exec, state, kill, delete, list, spec

    var entersContainers: Bool { self == .create || self == .run || self == .exec }

    var options: [OptionShape] {
        let making: [OptionShape] = [
            .value("bundle", "b"), .value("console-socket"), .value("pid-file"), .flag("no-pivot"), .flag("no-new-keyring"),
            .value("preserve-fds"),
        ]
        let own: [OptionShape] =
            switch self {
            case .create: making
            case .run: making + [.flag("detach", "d"), .flag("keep")]
            case .start, .state: []
            case .exec:
                [
                    .value("process", "p"), .flag("tty", "t"), .flag("detach", "d"), .value("console-socket"), .value("pid-file"),
                    .value("cwd"),
                    .value("env", "e"), .value("user", "u"), .value("additional-gids", "g"), .flag("no-new-privs"), .value("cap", "c"),
                    .value("preserve-fds"),
                ]
            case .kill: [.flag("all", "a")]
            case .delete: [.flag("force", "f")]
            case .list: [.value("format", "f"), .flag("quiet", "q")]
            case .spec: [.value("bundle", "b")]
            }
        return own + [.flag("help", "h")]
    }
}

enum Help {
    static let text = """
        swiftlet-oci: runs containers from OCI bundles

        usage: swiftlet-oci [--root DIR] COMMAND [OPTIONS] [ARGUMENTS]

          create [OPTIONS] ID          make a container; its program waits for `start`
          start ID                     execute the program of a created container
          run [OPTIONS] [-d] ID        create and start; without -d wait, pass signals on and give its exit code
          exec [OPTIONS] ID CMD...     execute one more program in a running container
          state ID                     the state, as JSON
          kill [-a] ID [SIGNAL]        send a signal (SIGTERM); -a to every process of the container
          delete [-f] ID               remove a stopped container; -f kills it first
          list [-q] [-f table|json]    all containers below --root
          spec [-b DIR]                write a config.json to start from

        create and run:
          -b, --bundle DIR             where config.json is (the current directory)
          --console-socket PATH        a Unix socket that gets the terminal's descriptor
          --pid-file PATH              gets the pid of the container's program
          --no-pivot, --no-new-keyring, --preserve-fds N
          --keep                       (run) do not delete the container when it has ended

        exec:
          -p, --process FILE           the `process` object, as JSON; or -t, -e NAME=VALUE, --cwd DIR, -u UID[:GID],
          -g GID, -c CAP, --no-new-privs on top of the container's own
          -d, --detach, --console-socket PATH, --pid-file PATH, --preserve-fds N

          --root DIR                   where state is kept (/run/swiftlet-oci)
          --version, --help

        """
}
