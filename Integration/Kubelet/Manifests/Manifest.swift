/// A Pod as a manifest asks for it (Kubernetes API, v1 Pod), with everything that is not honoured refused by name.
package struct PodManifest: Equatable, Sendable {
    package enum RestartPolicy: String, Sendable { case always = "Always", onFailure = "OnFailure", never = "Never" }

    package var name: String
    package var namespace = "default"
    /// Made by the kubelet when the manifest has none.
    package var uid = ""
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var hostname: String?
    package var hostNetwork = false
    package var hostPID = false
    package var hostIPC = false
    package var sharesProcesses = false
    package var restartPolicy = RestartPolicy.always
    package var terminationGraceSeconds: Int64 = 30
    package var activeDeadlineSeconds: Int64?
    package var volumes: [Volume] = []
    package var initContainers: [ContainerManifest] = []
    package var containers: [ContainerManifest] = []
    package var security = PodSecurity()
    package var dns: DNS?
    package var expectations = Expectations()

    package init(name: String) { self.name = name }
}

package struct Volume: Equatable, Sendable {
    package enum Source: Equatable, Sendable {
        case hostPath(String, HostPathType)
        case emptyDirectory
        /// A tmpfs, of at most that many bytes.
        case memory(limitBytes: Int64?)
        case configMap(ConfigMapSource)
    }
    /// `spec.volumes[].hostPath.type`.
    package enum HostPathType: String, Sendable {
        case unchecked = "", directory = "Directory", directoryOrCreate = "DirectoryOrCreate", file = "File", socket = "Socket"
    }
    package var name: String
    package var source: Source
}

/// `spec.securityContext`: what holds for every container that does not say otherwise.
package struct PodSecurity: Equatable, Sendable {
    package var runAsUser: Int64?
    package var runAsGroup: Int64?
    package var supplementalGroups: [Int64] = []
    package var sysctls: [String: String] = [:]
    package var seccomp: SeccompProfile?
    package init() {}
}

package enum SeccompProfile: Equatable, Sendable {
    case runtimeDefault, unconfined
    case localhost(String)
}

package struct DNS: Equatable, Sendable {
    package var servers: [String] = []
    package var searches: [String] = []
    package var options: [String] = []
}

package struct ContainerManifest: Equatable, Sendable {
    package var name: String
    package var image: String
    package var command: [String] = []
    package var args: [String] = []
    /// In order; later ones may refer to earlier ones.
    package var environment: [EnvironmentVariable] = []
    /// Whole config maps; what `environment` names itself comes after them.
    package var environmentMaps: [EnvironmentMap] = []
    package var workingDirectory = ""
    package var mounts: [VolumeMount] = []
    package var resources = Resources()
    package var security = ContainerSecurity()
    package var stdin = false
    package var tty = false
    package var pullPolicy = PullPolicy.ifNotPresent
    /// By name, for probes and hooks.
    package var ports: [String: Int] = [:]
    /// An init container with `restartPolicy: Always`.
    package var isSidecar = false
    package var probes: [ProbeKind: Probe] = [:]
    package var lifecycle = Lifecycle()

    package func probe(_ kind: ProbeKind) -> Probe? { probes[kind] }

    package init(name: String, image: String) {
        self.name = name
        self.image = image
    }
}

package enum PullPolicy: String, Sendable { case always = "Always", ifNotPresent = "IfNotPresent", never = "Never" }

package struct EnvironmentVariable: Equatable, Sendable {
    package enum Source: Equatable, Sendable {
        case configMap(name: String, key: String, optional: Bool)
        case field(FieldReference)
    }
    package var name: String
    package var value: String
    /// Nil: the value is written in the manifest.
    package var source: Source?

    package init(name: String, value: String, source: Source? = nil) { (self.name, self.value, self.source) = (name, value, source) }
}

package struct EnvironmentMap: Equatable, Sendable {
    package var name: String
    package var prefix: String
    package var optional: Bool
}

package struct VolumeMount: Equatable, Sendable {
    package enum Propagation: String, Sendable { case none = "None", hostToContainer = "HostToContainer", bidirectional = "Bidirectional" }
    package var volume: String
    package var path: String
    /// Below the volume; empty for the volume itself.
    package var subPath = ""
    package var readOnly = false
    package var propagation = Propagation.none
}

/// Limits and requests in the kernel's units.
package struct Resources: Equatable, Sendable {
    package var cpuLimitMillis: Int64?
    package var cpuRequestMillis: Int64?
    package var memoryLimitBytes: Int64?
    package init() {}
}

package struct ContainerSecurity: Equatable, Sendable {
    package var runAsUser: Int64?
    package var runAsGroup: Int64?
    package var privileged = false
    package var allowPrivilegeEscalation = true
    package var readOnlyRootFilesystem = false
    package var addCapabilities: [String] = []
    package var dropCapabilities: [String] = []
    package var seccomp: SeccompProfile?
    package init() {}
}

/// What the manifest's author says must come out, in annotations under `swiftlet.dev/`.
package struct Expectations: Equatable, Sendable {
    /// `expect-exit.NAME`: the exit code of the container's last run.
    package var exitCodes: [String: Int32] = [:]
    /// `expect-restarts.NAME`: how often it is started again; with it a container that always restarts has an end.
    package var restarts: [String: Int] = [:]
    /// `stop-after`: once this container is done, the pod is stopped.
    package var stopAfter: String?
    /// `expect-failure`: why the pod as a whole must fail (`DeadlineExceeded`).
    package var failure: String?
    /// Of the load generator, which looks at exit codes itself.
    var anyExitCode = false
    package init() {}
}

package enum ManifestError: Error, Equatable, CustomStringConvertible {
    case syntax(String)
    /// Not what the Kubernetes API says a Pod is.
    case invalid(field: String, reason: String)
    /// Well-formed, but this kubelet does not do it.
    case unsupported(field: String)
    case unreadable(String)
    case duplicatePod(String)
    /// Nothing would ever end it, and it was asked that all pods end.
    case endless(String)
    /// A pod refers to a config map, or a key of one, that is not in the directory.
    case missing(pod: String, String)

    package var description: String {
        switch self {
        case .syntax(let reason): "parse manifest: \(reason)"
        case .invalid(let field, let reason): "manifest field \(field): \(reason)"
        case .unsupported(let field): "manifest field \(field): not supported"
        case .unreadable(let reason): reason
        case .duplicatePod(let name): "manifest pod \(name): written twice"
        case .missing(let pod, let what): "manifest pod \(pod): there is no \(what)"
        case .endless(let name): "manifest pod \(name): restarts always and has no expect-restarts or stop-after"
        }
    }
}
