extension Verb {
    var options: [Option] { own + [.flag("help", "h", "this page")] }

    private var own: [Option] {
        switch self {
        case .create: [Self.bundle, Self.consoleSocket, Self.pidFile, Self.pidfdSocket] + Self.making
        case .run:
            [Self.bundle, Self.consoleSocket, Self.pidFile, Self.pidfdSocket, Self.detach, Self.keep, Self.noSubreaper] + Self.making
        case .exec: Self.execution
        case .start, .state, .pause, .resume, .features: []
        case .kill: [.flag("all", "a", "send it to every process of the container")]
        case .delete: [.flag("force", "f", "kill the container first")]
        case .list: [.value("format", "f", "FORMAT", "table or json (table)"), .flag("quiet", "q", "the ids alone")]
        case .ps: [.value("format", "f", "FORMAT", "table or json: the pids alone (table)")]
        case .events:
            [
                .value("interval", nil, "TIME", "between statistics: 500ms, 5s, 1m30s (5s)"),
                .flag("stats", nil, "statistics once, then end"),
            ]
        case .update: Self.limits
        case .spec: [Self.bundle, .flag("rootless", nil, "for a user without privileges")]
        case .checkpoint: Self.imageOptions + Self.checkpointing
        case .restore:
            [Self.bundle, Self.consoleSocket, Self.pidFile, Self.detach, Self.noSubreaper, Self.noPivot] + Self.imageOptions
                + Self.restoring
        }
    }

    private static let bundle = Option.value("bundle", "b", "DIR", "where config.json is (the current directory)")
    private static let consoleSocket = Option.value("console-socket", nil, "PATH", "a Unix socket that gets the terminal's descriptor")
    private static let pidFile = Option.value("pid-file", nil, "PATH", "gets the process' pid")
    private static let pidfdSocket = Option.value("pidfd-socket", nil, "PATH", "a Unix socket that gets a pidfd of the process")
    private static let detach = Option.flag("detach", "d", "do not wait for the program to end")
    private static let keep = Option.flag("keep", nil, "do not delete the container when it has ended")
    private static let noSubreaper = Option.flag("no-subreaper", nil, "do not reap what the container's processes leave behind")
    private static let noPivot = Option.flag("no-pivot", nil, "move the root instead of pivot_root(2), for a root on a ramdisk")
    private static let preserve = Option.value(
        "preserve-fds", nil, "N", "hand over N more descriptors, from 3 or after those of LISTEN_FDS (0)")

    private static let making: [Option] = [
        noPivot, .flag("no-new-keyring", nil, "keep the caller's session keyring"), preserve,
    ]

    private static let execution: [Option] = [
        .value("process", "p", "FILE", "the process object of config.json, in place of a command"),
        .value("cwd", nil, "DIR", "working directory"),
        .list("env", "e", "NAME=VALUE", "one more environment variable"),
        .flag("tty", "t", "with a terminal of its own"),
        .value("user", "u", "UID[:GID]", "as this user"),
        .list("additional-gids", "g", "GID", "one more group"),
        .list("cap", "c", "NAME", "one more capability"),
        .flag("no-new-privs", nil, "forbid new privileges"),
        .value("process-label", nil, "LABEL", "SELinux label"),
        .value("apparmor", nil, "PROFILE", "AppArmor profile"),
        .list("cgroup", nil, "[CONTROLLER:]PATH", "in this existing cgroup below the container's"),
        .flag("ignore-paused", nil, "even if the container is paused"),
        consoleSocket, pidFile, pidfdSocket, detach, preserve,
    ]

    private static let limits: [Option] = [
        .value("resources", "r", "FILE", "the resources object of config.json; - is standard input"),
        .value("memory", nil, "SIZE", "memory; -1 is no limit"),
        .value("memory-reservation", nil, "SIZE", "memory kept for it when it gets scarce"),
        .value("memory-swap", nil, "SIZE", "memory and swap together; -1 is no limit"),
        .value("kernel-memory", nil, "SIZE", "taken, and not done by today's kernels"),
        .value("kernel-memory-tcp", nil, "SIZE", "taken, and not done"),
        .value("cpu-share", nil, "N", "share of the processors, 2 to 262144"),
        .value("cpu-quota", nil, "USEC", "time in each period; -1 is no limit"),
        .value("cpu-period", nil, "USEC", "the period"),
        .value("cpu-burst", nil, "USEC", "time saved up that may be used at once"),
        .value("cpu-rt-period", nil, "USEC", "the period of realtime processes"),
        .value("cpu-rt-runtime", nil, "USEC", "time of realtime processes in each period"),
        .value("cpu-idle", nil, "0|1", "1 runs it only when nothing else runs"),
        .value("cpuset-cpus", nil, "LIST", "processors: 0-3,7"),
        .value("cpuset-mems", nil, "LIST", "memory nodes"),
        .value("pids-limit", nil, "N", "processes; -1 is no limit"),
        .value("blkio-weight", nil, "N", "share of block devices, 10 to 1000"),
        .value("l3-cache-schema", nil, "TEXT", "Intel RDT cache allocation"),
        .value("mem-bw-schema", nil, "TEXT", "Intel RDT memory bandwidth"),
    ]
}
