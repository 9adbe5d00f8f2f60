internal import Glibc
internal import Images
internal import LinuxSys

/// The parts of a pod that the kernel keeps: its namespaces, bound over files, its shared memory, the process that holds a pid
/// namespace together.
enum SandboxFiles {
    /// As other runtimes give a pod.
    private static let sharedMemoryBytes: UInt64 = 64 << 20

    /// When it throws, `release` and the removal of the directory undo what was done. `holder` is the program of a pid namespace's
    /// first process.
    static func make(_ plan: SandboxPlan, _ paths: SandboxPaths, holder: String) throws(SysError) {
        try Directory.make(paths.directory, mode: 0o700)
        let pins = pins(plan, paths)
        for pin in pins { try Directory.touch(pin.path) }
        if plan.ipc == .pod {
            try Directory.make(paths.sharedMemory, mode: 0o700)
            try mountSharedMemory(at: paths.sharedMemory, bytes: sharedMemoryBytes)
        }
        guard !pins.isEmpty else { return }
        let sysctls = plan.sysctls.sorted { $0.key < $1.key }.map { SharedNamespaces.Sysctl(name: $0.key, value: $0.value) }
        var namespaces = SharedNamespaces(pins: pins, hostname: plan.hostname, sysctls: sysctls)
        namespaces.users = .init(uids: plan.idMap.uidLines, gids: plan.idMap.gidLines)
        if plan.pid == .pod { namespaces.holder = holder }
        let pid = try namespaces.make()
        guard pid > 0 else { return }
        do throws(SysError) {
            let file = try FD.open(paths.holder, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            try file.writeAll(Array("\(pid)".utf8))
        } catch {
            try? PodHolder(pid: pid, pin: paths.pid).end()
            throw error
        }
    }

    /// Lets the namespaces go; containers that still run keep them, but for processes of a pid namespace, which end. Idempotent.
    static func release(_ paths: SandboxPaths) throws(SysError) {
        try holder(paths)?.end()
        for pin in [paths.network, paths.uts, paths.ipc, paths.pid, paths.user] { try unmountIfMounted(pin) }
        try unmountIfMounted(paths.sharedMemory)
        for name in try Directory.names(in: paths.images) { try unmountIfMounted("\(paths.images)/\(name)") }
    }

    /// False after a reboot of the node, and when the process that holds the pid namespace is gone.
    static func areWhole(_ plan: SandboxPlan, _ paths: SandboxPaths) -> Bool {
        guard pins(plan, paths).allSatisfy({ SharedNamespaces.isPinned(at: $0.path) }) else { return false }
        guard plan.pid == .pod else { return true }
        return (try? holder(paths))??.isAlive ?? false
    }

    private static func holder(_ paths: SandboxPaths) throws(SysError) -> PodHolder? {
        do throws(SysError) {
            let text = String(decoding: try FD.open(paths.holder, O_RDONLY).readAll(limit: 32), as: UTF8.self)
            return Int32(text).map { PodHolder(pid: $0, pin: paths.pid) }
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
    }

    private static func pins(_ plan: SandboxPlan, _ paths: SandboxPaths) -> [SharedNamespaces.Pin] {
        var pins: [SharedNamespaces.Pin] = []
        if !plan.idMap.isEmpty { pins.append(.init(.user, at: paths.user)) }
        // With the node's network the pod also has the node's name.
        if plan.network == .pod { pins += [.init(.network, at: paths.network), .init(.uts, at: paths.uts)] }
        if plan.ipc == .pod { pins.append(.init(.ipc, at: paths.ipc)) }
        if plan.pid == .pod { pins.append(.init(.pid, at: paths.pid)) }
        return pins
    }
}
