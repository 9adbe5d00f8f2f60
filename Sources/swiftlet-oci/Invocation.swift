import Executor
import Glibc
import LinuxSys

/// What every verb is given: its own arguments, what was said for all of them, where containers are kept, where to complain.
struct Invocation {
    let global: Arguments
    let given: Arguments
    let log: Log
    let store: StateStore
    /// What holds for every container that is made now.
    let options: ExecutorOptions
    private let rootless: Bool?
    /// Containers go on without cgroups that may not be made.
    var isRootless: Bool { rootless ?? !isRootOfTheHost() }

    init(global: Arguments, given: Arguments, log: Log) throws(CommandError) {
        self.global = global
        self.given = given
        self.log = log
        store = StateStore(root: global.value("root") ?? Self.defaultRoot)
        var options = ExecutorOptions()
        options.systemdCgroup = global.has("systemd-cgroup")
        options.noPivotRoot = given.has("no-pivot")
        options.noNewKeyring = given.has("no-new-keyring")
        switch global.value("rootless") ?? "auto" {
        case "auto": rootless = nil
        case "true", "1", "t": rootless = true
        case "false", "0", "f": rootless = false
        case let other: throw .usage("--rootless: true, false or auto expected, found \(other)")
        }
        self.options = options
    }

    /// /run is root's; others have a directory of their own there, if somebody made them a session. Root of a user namespace is one of
    /// those (podman calls runtimes so for users without privileges), unless the whole system is in that namespace and root is logged in.
    private static var defaultRoot: String {
        guard let own = environmentValue("XDG_RUNTIME_DIR"), own.hasPrefix("/"), !isRootOfTheHost(),
            geteuid() != 0 || environmentValue("USER") != "root"
        else { return "/run/swiftlet-oci" }
        return "\(own)/swiftlet-oci"
    }

    var criu: String { global.value("criu") ?? "criu" }

    /// The container that the only argument names.
    func container(_ verb: Verb) throws(CommandError) -> ContainerRecord {
        try store.load(try given.one("the container's id", of: verb.rawValue), for: verb.rawValue)
    }

    func run(_ verb: Verb) throws(CommandError) -> Int32 {
        switch verb {
        case .create: return try CreateCommand(self).create()
        case .run: return try CreateCommand(self).run()
        case .start: return try StartCommand(self).run()
        case .exec: do { return try ExecCommand(self).run() } catch { throw .execution(error) }
        case .kill: return try KillCommand(self).run()
        case .delete: return try DeleteCommand(self).run()
        case .state: return try StateCommand(self).run()
        case .list: return try ListCommand(self).run()
        case .ps: return try ProcessesCommand(self).run()
        case .events: return try EventsCommand(self).run()
        case .update: return try UpdateCommand(self).run()
        case .pause: return try PauseCommand(self).pause()
        case .resume: return try PauseCommand(self).resume()
        case .spec: return try SpecCommand(self).run()
        case .features: return try FeaturesCommand(self).run()
        case .checkpoint: return try CheckpointCommand(self).run()
        case .restore: return try RestoreCommand(self).run()
        }
    }
}
