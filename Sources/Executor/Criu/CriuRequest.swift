/// A request to criu's service (criu's images/rpc.proto): the fields that a container needs, by their numbers there.
package struct CriuRequest: Equatable {
    package enum Kind: Int64, Sendable {
        case dump = 1
        case restore = 2
        case preDump = 4
        case notify = 6
    }

    package let kind: Kind
    /// Descriptors of this process, which criu opens through /proc.
    package var images: Int32
    package var work: Int32?
    package var root = ""
    package var pid: Int32?
    package var flags = CriuFlags()
    package var cgroupMode: Int64 = 6
    package var freezer: String?
    package var pageServer: (address: String, port: Int64)?
    package var parent: String?
    /// What is mounted from outside: the key names it in the images, the value is where it comes from.
    package var mounts: [CriuPair] = []
    package var cgroupRoots: [CriuPair] = []
    /// Numbers in criu's own process.
    package var descriptors: [(key: String, number: Int32)] = []
    /// `net[INODE]:KEY`
    package var external: [String] = []
    package var joined: [CriuPair] = []
    package var emptyNamespaces: Int64 = 0
    package var lsmProfile: String?
    package var lsmMountContext: String?

    package init(_ kind: Kind, images: Int32) {
        self.kind = kind
        self.images = images
    }

    package static func == (left: CriuRequest, right: CriuRequest) -> Bool { left.encoded == right.encoded }

    package var logName: String { kind == .restore ? "restore.log" : "dump.log" }

    /// criu_req: type, then criu_opts.
    package var encoded: [UInt8] {
        var request = ProtobufWriter()
        request.put(1, kind.rawValue)
        request.put(2) { options in
            putPlaces(&options)
            putFlags(&options)
            putOutside(&options)
        }
        return request.bytes
    }

    /// The answer to a notification: go on.
    package static var goOn: [UInt8] {
        var answer = ProtobufWriter()
        answer.put(1, Kind.notify.rawValue)
        answer.put(3, true)
        return answer.bytes
    }

    /// runc's names of criu's ways with cgroups (`--manage-cgroups-mode`).
    package static let cgroupModes: [String: Int64] = ["soft": 3, "full": 4, "strict": 5, "ignore": 0]

    private func putPlaces(_ options: inout ProtobufWriter) {
        options.put(1, Int64(images))
        if let pid { options.put(2, Int64(pid)) }
        options.put(9, 4)
        options.put(10, logName)
        if let pageServer {
            options.put(11) { server in
                server.put(1, pageServer.address)
                server.put(2, pageServer.port)
            }
        }
        options.put(13, root)
        if let parent { options.put(14, parent) }
        if let work { options.put(17, Int64(work)) }
    }

    private func putFlags(_ options: inout ProtobufWriter) {
        for (field, set) in flags.fields { options.put(field, set) }
        options.put(12, true)
        options.put(15, kind == .preDump || parent != nil)
        if kind == .restore {
            options.put(6, true)
            options.put(26, true)
        }
        options.put(24, true)
        options.put(34, cgroupMode)
        options.put(50, true)
        if emptyNamespaces != 0 { options.put(38, emptyNamespaces) }
    }

    private func putOutside(_ options: inout ProtobufWriter) {
        func put(_ pair: CriuPair, _ field: UInt32) {
            options.put(field) { entry in
                entry.put(1, pair.key)
                entry.put(2, pair.value)
            }
        }
        for mount in mounts { put(mount, 23) }
        for root in cgroupRoots { put(root, 25) }
        for descriptor in descriptors {
            options.put(27) { entry in
                entry.put(1, descriptor.key)
                entry.put(2, Int64(descriptor.number))
            }
        }
        for text in external { options.put(37, text) }
        for namespace in joined { put(namespace, 39) }
        if let freezer { options.put(44, freezer) }
        if let lsmProfile { options.put(53, lsmProfile) }
        if let lsmMountContext { options.put(63, lsmMountContext) }
    }
}

package struct CriuPair: Equatable, Sendable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// The switches of both verbs by runc's names of their options, with the numbers of their fields.
package struct CriuFlags: Equatable {
    private(set) var fields: [(field: UInt32, set: Bool)] = []

    package static let options: [(name: String, field: UInt32)] = [
        ("leave-running", 3), ("ext-unix-sk", 4), ("tcp-established", 5), ("shell-job", 7), ("file-locks", 8), ("auto-dedup", 16),
        ("link-remap", 18),
        ("tcp-skip-in-flight", 46), ("lazy-pages", 48),
    ]

    package init() {}

    package init(where isSet: (String) -> Bool) { for (name, field) in Self.options where isSet(name) { fields.append((field, true)) } }

    package static func == (left: CriuFlags, right: CriuFlags) -> Bool {
        left.fields.elementsEqual(right.fields) { $0.field == $1.field && $0.set == $1.set }
    }
}
