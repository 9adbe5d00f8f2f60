internal import OCI

extension PodManifest {
    /// Every pod of one YAML file.
    package static func pods(yaml text: String) throws(ManifestError) -> [PodManifest] {
        var set = ManifestSet()
        try set.add(yaml: text)
        return set.pods
    }

    init(_ object: ManifestObject) throws(ManifestError) {
        object.ignore("apiVersion", "kind")
        guard let metadata = try object.object("metadata") else { throw .invalid(field: "metadata", reason: "is missing") }
        guard let spec = try object.object("spec") else { throw .invalid(field: "spec", reason: "is missing") }
        self.init(name: try metadata.required("name"))
        guard Self.isName(name) else { throw .invalid(field: "metadata.name", reason: "\(name) is no DNS label") }
        if let namespace = try metadata.string("namespace") { self.namespace = namespace }
        guard Self.isName(namespace) else { throw .invalid(field: "metadata.namespace", reason: "\(namespace) is no DNS label") }
        uid = try metadata.string("uid") ?? ""
        labels = try metadata.map("labels")
        annotations = try metadata.map("annotations")
        try metadata.finish()
        try read(spec)
        object.ignore("status")
        try object.finish()
        expectations = try Expectations(annotations, containers: (initContainers + containers).map(\.name))
    }

    private mutating func read(_ spec: ManifestObject) throws(ManifestError) {
        hostname = try spec.string("hostname")
        hostNetwork = try spec.bool("hostNetwork") ?? false
        hostPID = try spec.bool("hostPID") ?? false
        hostIPC = try spec.bool("hostIPC") ?? false
        restartPolicy = try spec.word("restartPolicy", RestartPolicy.self) ?? .always
        terminationGraceSeconds = try spec.integer("terminationGracePeriodSeconds") ?? 30
        guard terminationGraceSeconds >= 0 else { throw .invalid(field: "spec.terminationGracePeriodSeconds", reason: "is negative") }
        for volume in try spec.elements("volumes") { volumes.append(try Volume(volume)) }
        activeDeadlineSeconds = try spec.integer("activeDeadlineSeconds")
        if let seconds = activeDeadlineSeconds, seconds < 1 {
            throw .invalid(field: "spec.activeDeadlineSeconds", reason: "must be at least 1")
        }
        for container in try spec.elements("initContainers") { initContainers.append(try ContainerManifest(container, isInitial: true)) }
        for container in try spec.elements("containers") { containers.append(try ContainerManifest(container)) }
        if let security = try spec.object("securityContext") { self.security = try PodSecurity(security) }
        if let config = try spec.object("dnsConfig") { dns = try DNS(config) }
        sharesProcesses = try spec.bool("shareProcessNamespace") ?? false
        guard !(sharesProcesses && hostPID) else { throw .invalid(field: "spec.shareProcessNamespace", reason: "does not go with hostPID") }
        spec.ignore(
            "nodeName", "nodeSelector", "schedulerName", "serviceAccountName", "automountServiceAccountToken", "tolerations", "priority",
            "priorityClassName", "preemptionPolicy", "enableServiceLinks", "dnsPolicy", "affinity", "topologySpreadConstraints")
        try spec.finish()
        try checkNames()
    }

    private func checkNames() throws(ManifestError) {
        guard !containers.isEmpty else { throw .invalid(field: "spec.containers", reason: "is empty") }
        var seen: Set<String> = []
        let known = Set(volumes.map(\.name))
        for container in initContainers + containers {
            guard Self.isName(container.name) else {
                throw .invalid(field: "spec.containers[].name", reason: "\(container.name) is no DNS label")
            }
            guard seen.insert(container.name).inserted else {
                throw .invalid(field: "spec.containers[].name", reason: "\(container.name) is written twice")
            }
            for mount in container.mounts where !known.contains(mount.volume) {
                throw .invalid(field: "spec.containers[].volumeMounts[].name", reason: "there is no volume \(mount.volume)")
            }
        }
    }

    /// A DNS label or subdomain (RFC 1123): it becomes part of paths.
    static func isName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), let first = text.utf8.first, let last = text.utf8.last else { return false }
        func isWord(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
        return isWord(first) && isWord(last) && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }
}

extension Volume {
    init(_ object: ManifestObject) throws(ManifestError) {
        name = try object.required("name")
        if let path = try object.object("hostPath") {
            let text = try path.required("path")
            guard text.hasPrefix("/"), !text.split(separator: "/").contains("..") else {
                throw .invalid(field: path.path(of: "path"), reason: "must be absolute, without ..")
            }
            source = .hostPath(text, try path.word("type", HostPathType.self) ?? .unchecked)
            try path.finish()
        } else if let empty = try object.object("emptyDir") {
            source = try Self.emptyDirectory(empty)
            try empty.finish()
        } else if let map = try object.object("configMap") {
            source = .configMap(try ConfigMapSource(map))
        } else {
            throw .unsupported(field: "\(object.field.path) (only hostPath, emptyDir and configMap)")
        }
        try object.finish()
    }
}

extension Volume {
    private static func emptyDirectory(_ object: ManifestObject) throws(ManifestError) -> Source {
        let limit = try object.quantity("sizeLimit", Quantity.units)
        switch try object.string("medium") ?? "" {
        case "Memory": return .memory(limitBytes: limit)
        case "":
            guard limit == nil else { throw .unsupported(field: object.path(of: "sizeLimit") + " (only with medium: Memory)") }
            return .emptyDirectory
        default: throw .unsupported(field: object.path(of: "medium"))
        }
    }
}

extension DNS {
    init(_ object: ManifestObject) throws(ManifestError) {
        servers = try object.strings("nameservers")
        searches = try object.strings("searches")
        for option in try object.elements("options") {
            let name = try option.required("name")
            options.append(try option.string("value").map { "\(name):\($0)" } ?? name)
            try option.finish()
        }
        try object.finish()
    }
}

extension PodSecurity {
    init(_ object: ManifestObject) throws(ManifestError) {
        self.init()
        runAsUser = try object.integer("runAsUser")
        runAsGroup = try object.integer("runAsGroup")
        let groups = try object.take("supplementalGroups")
        for element in try manifest({ () throws(FieldError) in try groups.elements() }) {
            supplementalGroups.append(try manifest { () throws(FieldError) in try element.integer() })
        }
        for sysctl in try object.elements("sysctls") {
            sysctls[try sysctl.required("name")] = try sysctl.string("value") ?? ""
            try sysctl.finish()
        }
        seccomp = try SeccompProfile.read(object)
        try object.finish()
    }
}

extension SeccompProfile {
    /// `seccompProfile` of a security context.
    static func read(_ object: ManifestObject) throws(ManifestError) -> SeccompProfile? {
        guard let profile = try object.object("seccompProfile") else { return nil }
        let kind = try profile.required("type")
        let path = try profile.string("localhostProfile")
        try profile.finish()
        switch (kind, path) {
        case ("RuntimeDefault", nil): return .runtimeDefault
        case ("Unconfined", nil): return .unconfined
        case ("Localhost", let path?): return .localhost(path)
        default: throw .invalid(field: profile.field.path, reason: "type \(kind) does not go with localhostProfile \(path ?? "unset")")
        }
    }
}

extension Expectations {
    init(_ annotations: [String: String], containers: [String]) throws(ManifestError) {
        self.init()
        let prefix = "swiftlet.dev/"
        for (key, value) in annotations where key.hasPrefix(prefix) {
            let field = "metadata.annotations[\(key)]"
            let rest = key.dropFirst(prefix.count)
            if rest == "expect-failure" {
                failure = value
                continue
            }
            let name = rest == "stop-after" ? value : String(rest.split(separator: ".", maxSplits: 1).last ?? "")
            guard containers.contains(name) else { throw .invalid(field: field, reason: "there is no container \(name)") }
            if rest == "stop-after" {
                stopAfter = value
            } else if rest.hasPrefix("expect-exit."), let code = Int32(value), (0...255).contains(code) {
                exitCodes[name] = code
            } else if rest.hasPrefix("expect-restarts."), let count = Int(value), count >= 0 {
                restarts[name] = count
            } else {
                throw .invalid(field: field, reason: "\(value) is not understood")
            }
        }
    }
}
