internal import OCI

extension ContainerManifest {
    init(_ object: ManifestObject) throws(ManifestError) {
        self.init(name: try object.required("name"), image: try object.required("image"))
        command = try object.strings("command")
        args = try object.strings("args")
        workingDirectory = try object.string("workingDir") ?? ""
        stdin = try object.bool("stdin") ?? false
        tty = try object.bool("tty") ?? false
        for variable in try object.elements("env") {
            environment.append(EnvironmentVariable(name: try variable.required("name"), value: try variable.string("value") ?? ""))
            try variable.finish()
        }
        for mount in try object.elements("volumeMounts") { mounts.append(try VolumeMount(mount)) }
        if let resources = try object.object("resources") { self.resources = try Resources(resources) }
        if let security = try object.object("securityContext") { self.security = try ContainerSecurity(security) }
        for port in try object.elements("ports") {
            // A containerPort is a remark; a hostPort would have to be forwarded.
            if try port.integer("hostPort") != nil { throw .unsupported(field: port.path(of: "hostPort")) }
        }
        if let policy = try object.string("imagePullPolicy"), policy == "Always" {
            throw .unsupported(field: object.path(of: "imagePullPolicy: Always"))
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
            cpuLimitMillis = try Self.quantity(limits, "cpu", Quantity.millis)
            memoryLimitBytes = try Self.quantity(limits, "memory", Quantity.units)
            try limits.finish()
        }
        if let requests = try object.object("requests") {
            cpuRequestMillis = try Self.quantity(requests, "cpu", Quantity.millis)
            // A memory request is for whoever places the pod.
            requests.ignore("memory")
            try requests.finish()
        }
        try object.finish()
    }

    private static func quantity(_ object: ManifestObject, _ name: String, _ parse: (String) -> Int64?) throws(ManifestError) -> Int64? {
        let field = try object.take(name)
        guard let value = field.value else { return nil }
        let text: String
        switch value {
        case .string(let written): text = written
        case .integer(let number): text = String(number)
        case .number(let number): text = "\(number)"
        default: text = ""
        }
        guard let number = parse(text) else { throw .invalid(field: field.path, reason: "\(value.text()) is no quantity") }
        return number
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
