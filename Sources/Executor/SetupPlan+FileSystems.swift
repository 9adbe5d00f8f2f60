internal import LinuxSys
internal import OCI

extension SetupPlan {
    /// What without a namespace of its kind would be done to the host.
    static func checkNamespaces(_ spec: RuntimeSpec) throws(ExecutorFailure) {
        if spec.linux.namespace(.mount) == nil {
            let asked = [
                ("mounts", !spec.mounts.isEmpty), ("root.readonly", spec.root.readonly),
                ("linux.maskedPaths", !spec.linux.maskedPaths.isEmpty), ("linux.readonlyPaths", !spec.linux.readonlyPaths.isEmpty),
                ("linux.rootfsPropagation", spec.linux.rootfsPropagation != nil), ("process.terminal", spec.process?.terminal == true),
            ]
            for (field, isAsked) in asked where isAsked {
                throw ExecutorFailure(operation: "config.json", subject: field, reason: "needs a mount namespace in linux.namespaces")
            }
        }
        if !spec.linux.netDevices.isEmpty, spec.linux.namespace(.network) == nil {
            throw ExecutorFailure(
                operation: "config.json", subject: "linux.netDevices", reason: "needs a network namespace in linux.namespaces")
        }
    }

    /// Gives the mounts that are to become read-only when everything is in them.
    mutating func addFileSystems(_ spec: RuntimeSpec, bundle: String, streams: ProcessStreams) throws(ExecutorFailure) -> [String] {
        var readonlyLater: [String] = []
        steps.append(.openRoot(spec.linux.namespace(.mount) == nil ? .directory : .mount))
        for number in spec.mounts.indices {
            let mount = spec.mounts[number]
            let field = "mounts[\(number)]"
            var plan = try MountPlan(mount, number: number, field: field, bundle: bundle)
            try plan.checkPlace(field: "\(field).destination")
            try plan.checkIDMap(spec.linux, field: field)
            warnings += MountPlan.warnings(mount, field: field)
            readonlyLater.removeAll { $0 == plan.destination }
            if plan.isReadonlyLater {
                plan.set.remove(.readonly)
                readonlyLater.append(plan.destination)
            }
            steps.append(.mount(plan))
        }
        addDevices(spec)
        if let process = spec.process, process.terminal {
            steps.append(.openConsole(Self.console(process, streams, atDevConsole: true)))
        }
        return readonlyLater
    }

    /// A /dev that is bound has its nodes already, but for such as are asked for elsewhere.
    private mutating func addDevices(_ spec: RuntimeSpec) {
        let dev = spec.mounts.last { PathComponents($0.destination).parts == ["dev"] }
        let devIsBound = dev.map { $0.type == "bind" || $0.options.contains("bind") || $0.options.contains("rbind") } ?? false
        for device in DefaultDevices.merged(with: spec.linux.devices) {
            guard !devIsBound || PathComponents(device.path).parts.first != "dev" else { continue }
            // A fifo may be made by anybody; other nodes not in a user namespace (mknod(2)).
            let making: DevicePlan.Making = spec.linux.namespace(.user) == nil || device.kind == .fifo ? .node : .bind
            steps.append(.makeDevice(DevicePlan(making: making, device: device)))
        }
        if !devIsBound { for link in DefaultDevices.links { steps.append(.linkDevice(name: link.name, target: link.target)) } }
    }

    mutating func addRoot(_ spec: RuntimeSpec, _ options: ExecutorOptions, readonlyLater: [String]) {
        let isIsolated = spec.linux.namespace(.mount) != nil
        steps.append(.enterRoot(isIsolated ? (options.noPivotRoot ? .move : .pivot) : .changeRoot))
        // Private and slave it is by now; once more, and with all below, would undo what single mounts asked for.
        if let propagation = spec.linux.rootfsPropagation, propagation.kernel == .shared || propagation.kernel == .unbindable {
            steps.append(.setRootPropagation(propagation))
        }
        for path in readonlyLater { steps.append(.makeMountReadonly(path)) }
        for path in spec.linux.readonlyPaths { steps.append(.makeReadonly(path)) }
        for path in spec.linux.maskedPaths { steps.append(.mask(path)) }
        // Last: the paths above may have to be made first in a root that is still writable.
        if spec.root.readonly { steps.append(.makeMountReadonly("/")) }
    }
}

extension MountPlan {
    /// Nodes, copies and the places of other mounts are still to be made in it.
    fileprivate var isReadonlyLater: Bool {
        guard case .fileSystem(let type, _) = kind, set.contains(.readonly) else { return false }
        return type == "tmpfs" || destination == "/dev"
    }
}
