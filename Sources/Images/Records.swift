package import OCI

/// One image of the store.
package struct ImageRecord: Equatable, Sendable {
    /// The digest of its configuration: `sha256:…`.
    package var id: String
    /// Full names, such as `docker.io/library/busybox:latest`; empty when the last name was taken by another image.
    package var names: [String]
    /// The digest of its manifest.
    package var manifest: String
    /// The chain IDs of its layers, lowest first.
    package var chain: [String]
    /// Bytes of the stored blobs (configuration and layers).
    package var size: UInt64
    /// Unix nanoseconds of the load.
    package var loaded: UInt64
    package var config: ImageConfig

    /// The first name as people write it (`busybox:latest`), or the first 12 digits of the id.
    package var displayName: String {
        names.first.map { ImageName.familiar($0) } ?? shortID
    }
    package var shortID: String { String(id.drop { $0 != ":" }.dropFirst().prefix(12)) }
}

/// How far a load is, for a progress line. Called from several threads, one call at a time.
package struct LoadProgress: Equatable, Sendable {
    package enum Stage: String, Sendable {
        case reading, pulling, pushing, unpacking, committing
    }
    package var stage: Stage
    /// The digest of the layer, or the path of the archive.
    package var subject: String
    /// Bytes of compressed input read of this layer.
    package var done: UInt64
    package var total: UInt64

    package init(stage: Stage, subject: String, done: UInt64, total: UInt64) {
        (self.stage, self.subject, self.done, self.total) = (stage, subject, done, total)
    }
}

/// One mount of a container's root, as containerd.types.Mount has it.
package struct RootMount: Equatable, Sendable {
    package var type: String
    package var source: String
    package var options: [String]
    package init(type: String, source: String, options: [String]) {
        self.type = type
        self.source = source
        self.options = options
    }
}

/// The root file system of one container: what to mount, and where its parts are on disk.
package struct ContainerRoot: Equatable, Sendable {
    package var snapshotter: SnapshotterKind
    package var mounts: [RootMount]
    /// The image's layers, topmost first (as in `lowerdir=`, without the init layer).
    package var lowerDirs: [String]
    /// Where the container writes.
    package var upperDir: String
    /// Nil when the snapshotter needs none.
    package var workDir: String?
    package var initDir: String
    /// The whole tree on the host; nil when it is only seen in the container's own mount namespace.
    package var mergedDir: String?
}

/// What the init layer of a container says.
package struct ContainerIdentity: Equatable, Sendable {
    /// For /etc/hostname and /etc/hosts; nil: the first 12 characters of the id.
    package var hostname: String?
    /// The content of /etc/resolv.conf; nil: an empty file.
    package var resolvConf: String?
    /// Further lines of /etc/hosts.
    package var hosts: [String] = []
    package init(hostname: String? = nil, resolvConf: String? = nil) {
        self.hostname = hostname
        self.resolvConf = resolvConf
    }
}

/// One container as the store remembers it. The store looks at id, name, sandbox, attempt and imageID; the rest is the owner's.
package struct ContainerRecord: Equatable, Sendable {
    package var id: String
    /// Taken once per sandbox and attempt.
    package var name: String
    /// The reference that was asked for.
    package var image: String
    package var imageID: String
    /// Unix nanoseconds.
    package var created: UInt64
    package var command: [String] = []
    package var bundle: String
    /// The pod, when it is in one.
    package var sandbox: String?
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var attempt: UInt32 = 0
    package var extra: JSON = .null

    package init(id: String, name: String, image: String, imageID: String, created: UInt64, bundle: String) {
        self.id = id
        self.name = name
        self.image = image
        self.imageID = imageID
        self.created = created
        self.bundle = bundle
    }
}

/// One pod sandbox as the store remembers it.
package struct PodRecord: Equatable, Sendable {
    package var id: String
    package var name: String
    package var namespace: String
    package var uid: String
    package var attempt: UInt32 = 0
    /// Unix nanoseconds.
    package var created: UInt64
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var extra: JSON = .null

    package init(id: String, name: String, namespace: String, uid: String, created: UInt64) {
        self.id = id
        self.name = name
        self.namespace = namespace
        self.uid = uid
        self.created = created
    }
}
