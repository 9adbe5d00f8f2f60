internal import Images
internal import Messages

/// CRI's messages about a container and a pod, from what is known of them.
extension Runtime_V1_ContainerStatus {
    init(_ record: ContainerRecord, _ memory: ContainerMemory) {
        self.init()
        id = record.id
        metadata = memory.config.metadata
        createdAt = Int64(clamping: record.created)
        image = memory.config.image
        imageRef = record.imageID
        imageID = record.imageID
        labels = memory.config.labels
        annotations = memory.config.annotations
        mounts = memory.config.mounts
        logPath = memory.logPath
        stopSignal = memory.config.stopSignal
        resources.linux = memory.config.linux.resources
        if let found = memory.user {
            (user.linux.uid, user.linux.gid, user.linux.supplementalGroups) = (found.uid, found.gid, found.groups)
        }
        switch memory.life {
        case .created, .starting: state = .containerCreated
        case .running(let started):
            state = .containerRunning
            startedAt = Int64(clamping: started)
        case .exited(let started, let exit):
            state = .containerExited
            startedAt = Int64(clamping: started ?? 0)
            finishedAt = Int64(clamping: exit.time)
            exitCode = Int32(bitPattern: exit.code)
            reason = exit.reason.rawValue
            message = exit.message
        }
    }
}

extension Board.Entry {
    /// The short form for lists.
    var listed: Runtime_V1_Container {
        var result = Runtime_V1_Container()
        result.id = status.id
        result.podSandboxID = pod
        result.metadata = status.metadata
        result.image = status.image
        result.imageRef = status.imageRef
        result.imageID = status.imageID
        result.state = status.state
        result.createdAt = status.createdAt
        result.labels = status.labels
        result.annotations = status.annotations
        return result
    }
}

extension Runtime_V1_PodSandboxStatus {
    init(_ record: PodRecord, _ memory: PodMemory) {
        self.init()
        id = record.id
        metadata = memory.config.metadata
        state = memory.isReady ? .sandboxReady : .sandboxNotready
        createdAt = Int64(clamping: record.created)
        labels = memory.config.labels
        annotations = memory.config.annotations
        linux.namespaces.options = memory.config.linux.securityContext.namespaceOptions
        if !memory.config.linux.securityContext.hasNamespaceOptions { linux.namespaces.options.pid = .container }
        runtimeHandler = memory.runtimeHandler
        // With the node's network there is none to tell.
        network = Runtime_V1_PodSandboxNetworkStatus()
        network.ip = memory.addresses.first ?? ""
        network.additionalIps = memory.addresses.dropFirst().map { address in
            var other = Runtime_V1_PodIP()
            other.ip = address
            return other
        }
    }

    var listed: Runtime_V1_PodSandbox {
        var result = Runtime_V1_PodSandbox()
        result.id = id
        result.metadata = metadata
        result.state = state
        result.createdAt = createdAt
        result.labels = labels
        result.annotations = annotations
        result.runtimeHandler = runtimeHandler
        return result
    }
}
