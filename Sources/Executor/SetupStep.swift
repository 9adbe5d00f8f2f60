package import LinuxSys
package import OCI

/// One thing that a container's process does to itself before it executes its program. A plan is a list of these;
/// `Apply` does them one after the other.
package enum SetupStep: Equatable, Sendable {
    // Of the container: done once, by its init.
    /// The container's directories in the cgroup tree are there: for mounts of them.
    case awaitCgroup
    /// Its root is the cgroup that one is in at this moment (cgroup_namespaces(7)).
    case unshareCgroupNamespace
    /// Become uid and gid 0 of the user namespace, so that what is made now belongs to its root.
    case becomeNamespaceRoot
    case bringLoopbackUp
    case setHostName(String)
    case setDomainName(String)
    case openRoot(RootIsolation)
    case mount(MountPlan)
    case makeDevice(DevicePlan)
    case linkDevice(name: String, target: String)
    case setParameter(SysctlSpec)
    case makeWorkingDirectory(String)
    /// The environment stands: the executor runs prestart and createRuntime hooks meanwhile.
    case awaitRuntimeHooks
    case runHooks(HookKind)
    case enterRoot(RootEntry)
    case setRootPropagation(Propagation)
    /// The mount at the path itself, with nothing below it.
    case makeMountReadonly(String)
    /// A path, which becomes a read-only mount of its own, with all that is below it.
    case makeReadonly(String)
    case mask(String)

    // Of every process.
    /// From here on the container's limits hold, and its memory is charged.
    case joinCgroup
    case startSession
    case joinSessionKeyring(String)
    case openConsole(ConsolePlan)
    case connectStreams(owner: UInt32)
    /// `status`: of the container at that moment, for the agent that gets the filter's listener.
    case loadSeccomp(ContainerState.Status)
    case setPersonality(PersonalitySpec.Domain)
    case setMemoryPolicy(MemoryPolicySpec)
    /// For the next exec (of init; an executed process does it before it enters the container).
    case setLabel(SecurityLabel)
    case limitBoundingSet(CapabilitySet)
    case enterWorkingDirectory(String)
    /// Limits, scheduling and I/O priority are set now, by the executor where the process may not itself: late, because they might be in
    /// the way of the set-up, and before the change of user, because only for a process of the same user it needs no CAP_SYS_RESOURCE to
    /// lower a limit (prlimit(2)).
    case awaitLimits
    case setIdentity(IdentityPlan)
    case setCapabilities(effective: CapabilitySet, permitted: CapabilitySet)
    case setFileModeMask(UInt32)
    case forbidNewPrivileges
    /// Complete the environment (HOME) and find the program, so that what is wrong with it is said before `ready`.
    case locateProgram(name: String, uid: UInt32)
    /// Say that everything is ready; the executor has nothing more to do then.
    case awaitRelease
    case awaitStart
    /// After the hooks: nothing but the program itself is to inherit capabilities.
    case raiseAmbient(CapabilitySet)
    /// This process becomes the container's built-in init, and the rest is its child's to do.
    case becomeInit
    case execute([String])
}

extension SetupStep {
    /// For traces.
    var name: String {
        switch self {
        case .mount(let plan): "mount \(plan.destination)"
        case .runHooks(let kind): "\(kind.rawValue) hooks"
        default: String("\(self)".prefix { $0 != "(" })
        }
    }
}

package enum RootIsolation: Equatable, Sendable {
    /// The rootfs becomes a mount of its own: pivot_root(2) wants one, and nothing made in it shows outside.
    case mount
    /// Without a mount namespace there is nothing to hide a mount in.
    case directory
}

package enum RootEntry: Equatable, Sendable {
    case pivot
    /// For a root that pivot_root(2) refuses: the initramfs.
    case move
    /// Without a mount namespace.
    case changeRoot
}

/// runtime.md, "Lifecycle": the kinds that run inside the container.
package enum HookKind: String, Equatable, Sendable { case prestart, createRuntime, createContainer, startContainer, poststart, poststop }

package struct ConsolePlan: Equatable, Sendable {
    package var rows: UInt16, columns: UInt16
    /// Whether it is also to be seen at /dev/console (init's alone).
    package var atDevConsole: Bool
}

package struct IdentityPlan: Equatable, Sendable {
    package var uid: UInt32, gid: UInt32
    package var additional: [UInt32]
    /// Whether capabilities outlive the change of user, because a step that follows says which.
    package var keepsCapabilities: Bool
}

/// A node below /dev.
package struct DevicePlan: Equatable, Sendable {
    package enum Making: Equatable, Sendable {
        case node
        /// In a user namespace mknod(2) is refused: the host's own node is bound.
        case bind
    }
    package var making: Making
    package var device: DeviceSpec
}
