internal import Images
internal import LinuxSys
internal import Messages
internal import OCI

extension ContainerPlan {
    mutating func readResources(_ wanted: Runtime_V1_LinuxContainerResources, _ abilities: NodeAbilities) throws(PluginError) {
        let field = "config.linux.resources"
        request.resources = try ResourceRequest(wanted, field: field, abilities)
        guard wanted.oomScoreAdj != 0 else { return }
        guard (-1000...1000).contains(wanted.oomScoreAdj) else {
            throw .invalid(field: "\(field).oom_score_adj", reason: "outside -1000 … 1000")
        }
        request.oomScoreAdjustment = Int32(wanted.oomScoreAdj)
    }

    mutating func readSecurity(_ linux: Runtime_V1_LinuxContainerConfig, _ pod: Surroundings) throws(PluginError) {
        let context = linux.securityContext
        let field = "config.linux.security_context"
        request.processLabel = try SecurityLabels.selinux(context.hasSelinuxOptions ? context.selinuxOptions : nil, field, pod.abilities)
        request.mountLabel = request.processLabel.map(Self.fileLabel)
        request.apparmorProfile =
            try context.hasApparmor
            ? SecurityLabels.apparmor(context.apparmor, "\(field).apparmor", pod.abilities)
            : SecurityLabels.apparmor(context.apparmorProfile, "\(field).apparmor_profile", pod.abilities)
        switch context.supplementalGroupsPolicy {
        case .merge: request.imageGroups = .always
        case .strict: request.imageGroups = .never
        case .UNRECOGNIZED(let number): throw .invalid(field: "\(field).supplemental_groups_policy", reason: "\(number) is no policy")
        }
        if context.privileged && !pod.sandbox.mayBePrivileged {
            throw .invalid(field: "\(field).privileged", reason: "the sandbox was not made for privileged containers")
        }
        request.privileged = context.privileged
        request.readOnlyRoot = context.readonlyRootfs
        request.noNewPrivileges = context.noNewPrivs
        request.addCapabilities = context.capabilities.addCapabilities
        request.dropCapabilities = context.capabilities.dropCapabilities
        request.ambientCapabilities = context.capabilities.addAmbientCapabilities
        // An empty list from a client that sends a context means: nothing masked (Kubernetes' procMount: Unmasked).
        if linux.hasSecurityContext {
            request.maskedPaths = context.maskedPaths
            request.readOnlyPaths = context.readonlyPaths
        }
        request.user = try Self.user(context, field)
        request.additionalGroups = try context.supplementalGroups.map { group throws(PluginError) in
            try Self.id(group, "\(field).supplemental_groups")
        }
        request.seccomp = try Self.seccomp(context, field)
        request.namespaces = try Self.namespaces(context, pod, field)
        request.idMap = pod.sandbox.idMap
        let parent = pod.sandbox.cgroupParent
        request.cgroupsPath = parent.isEmpty ? nil : parent
    }

    /// The same categories for the container's own files, as policies for containers have it.
    private static func fileLabel(_ label: String) -> String {
        let parts = label.split(separator: ":", maxSplits: 3).map(String.init)
        return "system_u:object_r:container_file_t:\(parts.last ?? "s0")"
    }

    private static func user(_ context: Runtime_V1_LinuxContainerSecurityContext, _ field: String) throws(PluginError) -> String? {
        if context.hasRunAsUser && !context.runAsUsername.isEmpty {
            throw .invalid(field: "\(field).run_as_username", reason: "goes only without run_as_user")
        }
        let name: String?
        if context.hasRunAsUser {
            name = String(try id(context.runAsUser.value, "\(field).run_as_user"))
        } else {
            name = context.runAsUsername.isEmpty ? nil : context.runAsUsername
        }
        guard context.hasRunAsGroup else { return name }
        guard let name else { throw .invalid(field: "\(field).run_as_group", reason: "needs run_as_user or run_as_username") }
        return "\(name):\(try id(context.runAsGroup.value, "\(field).run_as_group"))"
    }

    private static func id(_ value: Int64, _ field: String) throws(PluginError) -> UInt32 {
        // The last number is "no id" to the kernel.
        guard (0..<Int64(UInt32.max)).contains(value) else { throw .invalid(field: field, reason: "\(value) is no id") }
        return UInt32(value)
    }

    /// Nothing said is the default profile: whoever wants none says so (a kubelet always does).
    private static func seccomp(_ context: Runtime_V1_LinuxContainerSecurityContext, _ field: String) throws(PluginError) -> SeccompChoice {
        guard context.hasSeccomp else {
            switch context.seccompProfilePath {
            case "", "runtime/default": return .standard
            case "unconfined": return .unconfined
            case let path: throw .unsupported(field: "\(field).seccomp_profile_path", what: quoted(path))
            }
        }
        switch context.seccomp.profileType {
        case .runtimeDefault: return .standard
        case .unconfined: return .unconfined
        case .localhost: return .custom(try profile(at: context.seccomp.localhostRef, "\(field).seccomp.localhost_ref"))
        case .UNRECOGNIZED(let number): throw .invalid(field: "\(field).seccomp.profile_type", reason: "\(number) is no type")
        }
    }

    private static func profile(at path: String, _ field: String) throws(PluginError) -> JSON {
        guard path.hasPrefix("/") else { throw .invalid(field: field, reason: "must be absolute") }
        do {
            return try JSON(parsing: try FD.open(path, 0).readAll(limit: 1 << 20))
        } catch {
            throw .invalid(field: field, reason: "\(error)")
        }
    }

    private static func namespaces(
        _ context: Runtime_V1_LinuxContainerSecurityContext, _ pod: Surroundings, _ field: String
    ) throws(PluginError) -> [NamespaceRequest] {
        var result: [NamespaceRequest] = [.init(.mount), .init(.cgroup)]
        let options = context.namespaceOptions
        let has = context.hasNamespaceOptions
        if has {
            let network = try SandboxPlan.scope(options.network, of: "network", in: field, allowed: [.pod, .node])
            let ipc = try SandboxPlan.scope(options.ipc, of: "ipc", in: field, allowed: [.pod, .container, .node])
            guard network == pod.sandbox.network, ipc == pod.sandbox.ipc else {
                throw .invalid(field: "\(field).namespace_options", reason: "network and ipc must be those of the sandbox")
            }
        }
        if has && options.pid == .target {
            guard let path = pod.targetPID else { throw .invalid(field: "\(field).namespace_options.target_id", reason: "does not run") }
            result.append(.init(.pid, path: path))
        } else {
            let scope =
                try has ? SandboxPlan.scope(options.pid, of: "pid", in: field, allowed: [.pod, .container, .node]) : pod.sandbox.pid
            switch scope {
            case .container: result.append(.init(.pid))
            case .pod:
                guard pod.sandbox.pid == .pod else {
                    throw .invalid(field: "\(field).namespace_options.pid", reason: "the sandbox has no processes in common")
                }
                result.append(.init(.pid, path: pod.paths.pid))
            case .node:
                guard pod.sandbox.idMap.isEmpty else {
                    throw .invalid(field: "\(field).namespace_options.pid", reason: "the sandbox has a user namespace")
                }
            }
        }
        if !pod.sandbox.idMap.isEmpty { result.append(.init(.user, path: pod.paths.user)) }
        // With the node's network the pod also has the node's name.
        if pod.sandbox.network == .pod {
            result.append(.init(.network, path: pod.paths.network))
            result.append(.init(.uts, path: pod.paths.uts))
        }
        switch pod.sandbox.ipc {
        case .pod: result.append(.init(.ipc, path: pod.paths.ipc))
        case .container: result.append(.init(.ipc))
        case .node: break
        }
        return result
    }
}
