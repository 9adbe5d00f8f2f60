internal import OCI

extension ContainerManifest {
    /// `isInitial`: it stands among the init containers.
    init(_ object: ManifestObject, isInitial: Bool = false) throws(ManifestError) {
        self.init(name: try object.required("name"), image: try object.required("image"))
        command = try object.strings("command")
        args = try object.strings("args")
        workingDirectory = try object.string("workingDir") ?? ""
        stdin = try object.bool("stdin") ?? false
        tty = try object.bool("tty") ?? false
        for variable in try object.elements("env") { environment.append(try EnvironmentVariable(variable)) }
        for source in try object.elements("envFrom") { environmentMaps.append(try EnvironmentMap(source)) }
        for mount in try object.elements("volumeMounts") { mounts.append(try VolumeMount(mount)) }
        if let resources = try object.object("resources") { self.resources = try Resources(resources) }
        if let security = try object.object("securityContext") { self.security = try ContainerSecurity(security) }
        for port in try object.elements("ports") {
            // A containerPort is a remark; a hostPort would have to be forwarded.
            if try port.integer("hostPort") != nil { throw .unsupported(field: port.path(of: "hostPort")) }
            if let name = try port.string("name"), let number = try port.integer("containerPort") { ports[name] = Int(clamping: number) }
        }
        pullPolicy = try object.word("imagePullPolicy", PullPolicy.self) ?? .ifNotPresent
        if let policy = try object.string("restartPolicy") {
            guard isInitial, policy == "Always" else {
                throw .invalid(field: object.path(of: "restartPolicy"), reason: "only Always, of an init container")
            }
            isSidecar = true
        }
        for kind in ProbeKind.allCases {
            let name = "\(kind.rawValue)Probe"
            guard let probe = try object.object(name) else { continue }
            guard !isInitial || isSidecar else {
                throw .invalid(field: object.path(of: name), reason: "an init container that ends has no probes")
            }
            probes[kind] = try Probe(probe, kind, ports: ports)
        }
        if let lifecycle = try object.object("lifecycle") {
            guard !isInitial || isSidecar else {
                throw .invalid(field: object.path(of: "lifecycle"), reason: "an init container that ends has no hooks")
            }
            self.lifecycle = try Lifecycle(lifecycle, ports: ports)
        }
        try object.finish()
    }
}

extension VolumeMount {
    init(_ object: ManifestObject) throws(ManifestError) {
        volume = try object.required("name")
        path = try object.required("mountPath")
        guard path.hasPrefix("/"), !path.contains(":") else {
            throw .invalid(field: object.path(of: "mountPath"), reason: "must be absolute, without a colon")
        }
        subPath = try object.string("subPath") ?? ""
        guard !subPath.hasPrefix("/"), !subPath.split(separator: "/").contains("..") else {
            throw .invalid(field: object.path(of: "subPath"), reason: "must be relative, without ..")
        }
        readOnly = try object.bool("readOnly") ?? false
        propagation = try object.word("mountPropagation", Propagation.self) ?? .none
        try object.finish()
    }
}

extension Resources {
    init(_ object: ManifestObject) throws(ManifestError) {
        self.init()
        if let limits = try object.object("limits") {
            cpuLimitMillis = try limits.quantity("cpu", Quantity.millis)
            memoryLimitBytes = try limits.quantity("memory", Quantity.units)
            try limits.finish()
        }
        if let requests = try object.object("requests") {
            cpuRequestMillis = try requests.quantity("cpu", Quantity.millis)
            // A memory request is for whoever places the pod.
            requests.ignore("memory")
            try requests.finish()
        }
        try object.finish()
    }
}

extension ContainerSecurity {
    init(_ object: ManifestObject) throws(ManifestError) {
        self.init()
        runAsUser = try object.integer("runAsUser")
        runAsGroup = try object.integer("runAsGroup")
        privileged = try object.bool("privileged") ?? false
        allowPrivilegeEscalation = try object.bool("allowPrivilegeEscalation") ?? true
        readOnlyRootFilesystem = try object.bool("readOnlyRootFilesystem") ?? false
        if let capabilities = try object.object("capabilities") {
            addCapabilities = try capabilities.strings("add")
            dropCapabilities = try capabilities.strings("drop")
            try capabilities.finish()
        }
        seccomp = try SeccompProfile.read(object)
        try object.finish()
    }
}
