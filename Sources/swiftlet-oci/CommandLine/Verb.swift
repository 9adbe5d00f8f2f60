/// What can be asked of the program (runtime.md, "Operations", and what runc has made common beyond).
enum Verb: String, CaseIterable {
    case create, start, run, exec, state, kill, delete, list, ps, events, update, pause, resume, spec, features, checkpoint, restore

    var summary: String {
        switch self {
        case .create: "make a container; its program waits for start"
        case .start: "execute the program of a created container"
        case .run: "create and start; without -d wait, pass signals on and end with its exit code"
        case .exec: "execute one more program in a running container"
        case .state: "the state of a container, as JSON"
        case .kill: "send a signal to a container's first process (SIGTERM)"
        case .delete: "remove a stopped container and what it left"
        case .list: "all containers below --root"
        case .ps: "the processes of a container"
        case .events: "statistics and out-of-memory events of a container, as lines of JSON"
        case .update: "change the limits of a container"
        case .pause: "freeze every process of a container"
        case .resume: "let a frozen container go on"
        case .spec: "write a config.json to start from"
        case .features: "what this program can do, as JSON"
        case .checkpoint: "write a running container into files, with criu"
        case .restore: "make a container from such files and let it go on"
        }
    }

    var arguments: String {
        switch self {
        case .create, .run, .start, .state, .delete, .events, .update, .pause, .resume, .checkpoint, .restore: "ID"
        case .exec: "ID COMMAND [ARGUMENT …] | --process FILE ID"
        case .kill: "ID [SIGNAL]"
        case .ps: "ID [OPTION OF ps(1) …]"
        case .list, .spec, .features: ""
        }
    }

    /// What the summary and the options do not say.
    var explanation: String {
        switch self {
        case .create, .run:
            """
            LISTEN_FDS with LISTEN_PID of this process hands over that many descriptors from 3 on, before those of --preserve-fds.
            NOTIFY_SOCKET gives the container a socket of its own at /run/notify/notify.sock, from which READY=1 is passed on.
            """
        case .exec: "What is not said is that of the container's own program; 255 is the status when the program could not be executed."
        case .kill: "A signal is a number or a name: 9, KILL, SIGKILL, RTMIN+3."
        case .ps: "The table is that of ps(1), -ef unless other options are given, with the container's processes alone."
        case .delete: "With --force nothing is wrong if there is no such container."
        case .update: "With --resources the other options count for nothing. Zero leaves a limit as it is; sizes may end in k, m, g or t."
        case .checkpoint, .restore:
            "Whatever the files say, the root, mounts, limits and identity of the container are those of the bundle."
        case .start, .state, .list, .events, .pause, .resume, .spec, .features: ""
        }
    }

    /// Arguments of a program to be executed are not this one's options.
    var order: Arguments.Order {
        switch self {
        case .exec, .ps: .optionsFirst
        default: .mixed
        }
    }

    /// Those whose processes a container can see.
    var entersContainers: Bool {
        switch self {
        case .create, .run, .exec, .restore: true
        default: false
        }
    }
}
