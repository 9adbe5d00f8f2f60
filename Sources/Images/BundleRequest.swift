package import OCI

/// What a container is to be run as: the image's configuration and what the caller changes of it.
/// `write(to:root:)` turns it into a bundle (runtime-spec, bundle.md) by the rules of image-spec, conversion.md.
package struct BundleRequest: Sendable {
    package var image: ImageConfig
    /// Replaces the image's entrypoint, and with it the image's command.
    package var entrypoint: [String]?
    /// Replaces the image's command; nil or empty: the image's.
    package var arguments: [String]?
    /// `NAME=value`, over the image's.
    package var environment: [String] = []
    package var workingDirectory: String?
    /// `user`, `uid`, `user:group`, `uid:gid`; nil: the image's.
    package var user: String?
    package var additionalGroups: [UInt32] = []
    package var imageGroups = ImageGroups.ofUserField

    /// Which groups the image's own /etc/group adds for the user.
    package enum ImageGroups: Equatable, Sendable {
        /// The user's, unless a group is named beside the user (image-spec, config.md, "User").
        case ofUserField
        /// The user's, whatever the group (CRI's policy Merge).
        case always
        /// None (CRI's policy Strict).
        case never
    }
    package var hostname: String?
    package var terminal = false
    package var consoleSize: ConsoleSize?
    package var binds: [BindRequest] = []
    /// Nil: a new pid, mount, network, ipc, uts and cgroup namespace.
    package var namespaces: [NamespaceRequest]?
    package var readOnlyRoot = false
    /// With or without `CAP_`, in either case; `ALL`.
    package var addCapabilities: [String] = []
    package var dropCapabilities: [String] = []
    /// Held by a user who is not root, too, and by what he executes.
    package var ambientCapabilities: [String] = []
    /// All capabilities and devices, nothing masked, no seccomp.
    package var privileged = false
    package var noNewPrivileges = false
    package var resources = ResourceRequest()
    package var cgroupsPath: String?
    package var annotations: [String: String] = [:]
    package var seccomp = SeccompChoice.standard
    package var oomScoreAdjustment: Int32?
    package var limits: [LimitRequest] = []
    package var sysctls: [String: String] = [:]
    /// Size of /dev/shm in bytes.
    package var shmSize: UInt64 = 64 << 20
    /// Nil: the usual ones.
    package var maskedPaths: [String]?
    package var readOnlyPaths: [String]?
    /// Of the user namespace, a new one or the one that is joined. Empty: none.
    package var idMap = IDMap()
    package var apparmorProfile: String?
    /// SELinux: of the process, and of the container's own file systems.
    package var processLabel: String?
    package var mountLabel: String?

    package init(image: ImageConfig) { self.image = image }
}

/// How ids of a container are those of the node (user_namespaces(7)).
package struct IDMap: Equatable, Sendable {
    package var uids: [IDMapping] = []
    package var gids: [IDMapping] = []

    package init(uids: [IDMapping] = [], gids: [IDMapping] = []) {
        self.uids = uids
        self.gids = gids
    }

    package var isEmpty: Bool { uids.isEmpty && gids.isEmpty }

    /// As /proc/PID/uid_map takes them.
    package var uidLines: String { Self.lines(uids) }
    package var gidLines: String { Self.lines(gids) }

    private static func lines(_ mappings: [IDMapping]) -> String {
        mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    }

    /// The node's id for one of the container's; nil for one that the container does not have.
    package static func host(_ id: UInt32, in mappings: [IDMapping]) -> UInt32? {
        for mapping in mappings where id >= mapping.containerID && id - mapping.containerID < mapping.size {
            return mapping.hostID + (id - mapping.containerID)
        }
        return nil
    }

    /// Options of the overlay mount that is the container's root: its layers, which belong to the node's ids, are seen with these.
    package var layerOptions: [String] {
        guard !isEmpty else { return [] }
        func list(_ mappings: [IDMapping]) -> String {
            mappings.map { "\($0.containerID):\($0.hostID):\($0.size)" }.joined(separator: ",")
        }
        return ["uidmap=\(list(uids))", "gidmap=\(list(gids))"]
    }

    static func json(_ mappings: [IDMapping]) -> JSON {
        .array(
            mappings.map {
                ["containerID": .integer(Int64($0.containerID)), "hostID": .integer(Int64($0.hostID)), "size": .integer(Int64($0.size))]
            })
    }

    /// Members `uidMappings` and `gidMappings`, as the runtime-spec has them at several places.
    func add(to object: inout JSONObject) {
        guard !isEmpty else { return }
        object["uidMappings"] = Self.json(uids)
        object["gidMappings"] = Self.json(gids)
    }
}

package struct ConsoleSize: Equatable, Sendable {
    package var rows: UInt16, columns: UInt16
    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// A directory or file of the host in the container.
package struct BindRequest: Equatable, Sendable {
    package var source: String
    package var destination: String
    package var readOnly: Bool
    /// Further options, such as `rslave`; `rbind` and `rprivate` are the default.
    package var options: [String]
    /// How the owners of its files are seen; empty: as they are.
    package var idMap = IDMap()
    package init(source: String, destination: String, readOnly: Bool = false, options: [String] = []) {
        self.source = source
        self.destination = destination
        self.readOnly = readOnly
        self.options = options
    }
}

package struct NamespaceRequest: Equatable, Sendable {
    /// As the runtime-spec writes them.
    package enum Kind: String, CaseIterable, Sendable {
        case pid, mount, network, ipc, uts, cgroup, user
    }
    package var kind: Kind
    /// Of a namespace to join; nil: a new one.
    package var path: String?
    package init(_ kind: Kind, path: String? = nil) {
        self.kind = kind
        self.path = path
    }
    /// What a container has when nothing is said.
    package static let standard: [NamespaceRequest] = [
        .init(.pid), .init(.mount), .init(.network), .init(.ipc), .init(.uts), .init(.cgroup),
    ]
}

/// Limits of the container's cgroup; nil leaves one unset.
package struct ResourceRequest: Equatable, Sendable {
    /// Bytes.
    package var memory: Int64?
    /// Memory and swap together, bytes; -1 for no limit.
    package var memorySwap: Int64?
    package var cpuShares: UInt64?
    /// Microseconds of each period.
    package var cpuQuota: Int64?
    package var cpuPeriod: UInt64?
    package var cpus: String?
    package var memoryNodes: String?
    package var pids: Int64?
    /// By the size of a page as the kernel names its files (`2MB`), in bytes.
    package var hugePages: [HugePageRequest] = []
    /// Files of a cgroup of version 2, and what is written to them.
    package var unified: [String: String] = [:]
    package init() {}
}

package struct HugePageRequest: Equatable, Sendable {
    package var size: String
    package var limit: UInt64
    package init(size: String, limit: UInt64) {
        self.size = size
        self.limit = limit
    }
}

package enum SeccompChoice: Equatable, Sendable {
    /// The profile that comes with this store (`SeccompProfile`).
    case standard
    case unconfined
    /// An object as `linux.seccomp` of the runtime-spec.
    case custom(JSON)
}

package struct LimitRequest: Equatable, Sendable {
    /// `RLIMIT_NOFILE`
    package var type: String
    package var soft: UInt64
    package var hard: UInt64
    package init(type: String, soft: UInt64, hard: UInt64) {
        self.type = type
        self.soft = soft
        self.hard = hard
    }
}
