internal import LinuxSys
internal import OCI

extension InitProcess {
    /// A user without privileges has them in a user namespace of its own and nowhere else (user_namespaces(7)): there is nothing that
    /// could be joined or mounted before, so that init does it all once its ids are mapped, as who it was: what the user may read can be
    /// bound. Its mounts come into a mount namespace that the clone makes, which belongs to the user namespace.
    static func cloneUnprivileged(
        _ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ opened: [FDBox], _ request: CreateRequest, _ supervisor: Supervisor,
        _ flags: CloneFlags = []
    ) throws(ExecutorFailure) -> InitProcess {
        try sys { () throws(SysError) in
            try namespaces.join(opened) { $0.kind == .newUser }
            try namespaces.join(opened) { Self.ofChildren.contains($0.kind) }
        }
        return try clone(prepared, namespaces.made.subtracting(.newTime).union(flags), gate: request.gate, supervisor) {
            () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try namespaces.enterTime(prepared.host)
                // Until here its files in /proc had to be the user's: the maps are written through them.
                try ProcessControl.forbidTracing()
                try namespaces.join(opened) { $0.kind != .newUser && !Self.ofChildren.contains($0.kind) }
                if namespaces.makesMount { try isolateMounts(prepared.spec.linux.rootfsPropagation) }
            }
            try RootfsMounts.make(request.rootfs, at: prepared.rootPath)
            let users = UserNamespaces(host: prepared.host, prepared.spec, joined: namespaces.user(of: opened))
            return try sys { () throws(SysError) in try MountSources(for: prepared.plan, users: users) }
        }
    }
}
