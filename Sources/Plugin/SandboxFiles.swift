internal import LinuxSys

/// The parts of a pod that the kernel keeps: its namespaces, bound over files, and its shared memory.
enum SandboxFiles {
    /// As other runtimes give a pod.
    private static let sharedMemoryBytes: UInt64 = 64 << 20

    /// When it throws, `release` and the removal of the directory undo what was done.
    static func make(_ plan: SandboxPlan, _ paths: SandboxPaths) throws(SysError) {
        try Directory.make(paths.directory, mode: 0o700)
        let pins = pins(plan, paths)
        for pin in pins { try Directory.touch(pin.path) }
        if plan.ipc == .pod {
            try Directory.make(paths.sharedMemory, mode: 0o700)
            try mountSharedMemory(at: paths.sharedMemory, bytes: sharedMemoryBytes)
        }
        guard !pins.isEmpty else { return }
        let sysctls = plan.sysctls.sorted { $0.key < $1.key }.map { SharedNamespaces.Sysctl(name: $0.key, value: $0.value) }
        try SharedNamespaces(pins: pins, hostname: plan.hostname, sysctls: sysctls).make()
    }

    /// Lets the namespaces go; containers that still run keep them. Idempotent.
    static func release(_ plan: SandboxPlan, _ paths: SandboxPaths) throws(SysError) {
        for pin in pins(plan, paths) { try unmountIfMounted(pin.path) }
        if plan.ipc == .pod { try unmountIfMounted(paths.sharedMemory) }
    }

    /// False after a reboot of the node.
    static func areWhole(_ plan: SandboxPlan, _ paths: SandboxPaths) -> Bool {
        pins(plan, paths).allSatisfy { SharedNamespaces.isPinned(at: $0.path) }
    }

    private static func pins(_ plan: SandboxPlan, _ paths: SandboxPaths) -> [SharedNamespaces.Pin] {
        var pins: [SharedNamespaces.Pin] = []
        // With the node's network the pod also has the node's name.
        if plan.network == .pod { pins += [.init(.network, at: paths.network), .init(.uts, at: paths.uts)] }
        if plan.ipc == .pod { pins.append(.init(.ipc, at: paths.ipc)) }
        return pins
    }
}
