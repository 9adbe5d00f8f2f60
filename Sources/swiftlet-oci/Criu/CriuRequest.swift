import OCI

/// A request to criu's service (criu's images/rpc.proto): the fields that a container needs, by their numbers there.
struct CriuRequest: Equatable {
    enum Kind: Int64 {
        case dump = 1
        case restore = 2
        case preDump = 4
        case notify = 6
    }

    let kind: Kind
    /// Descriptors of this process, which criu opens through /proc.
    var images: Int32
    var work: Int32?
    var root = ""
    var pid: Int32?
    var flags = CriuFlags()
    var cgroupMode: Int64 = 6
    var freezer: String?
    var pageServer: (address: String, port: Int64)?
    var parent: String?
    /// What is mounted from outside: the key names it in the images, the value is where it comes from.
    var mounts: [CriuPair] = []
    var cgroupRoots: [CriuPair] = []
    /// Numbers in criu's own process.
    var descriptors: [(key: String, number: Int32)] = []
    /// `net[INODE]:KEY`
    var external: [String] = []
    var joined: [CriuPair] = []
    var emptyNamespaces: Int64 = 0
    var lsmProfile: String?
    var lsmMountContext: String?

    init(_ kind: Kind, images: Int32) {
        self.kind = kind
        self.images = images
    }

    static func == (left: CriuRequest, right: CriuRequest) -> Bool { left.encoded == right.encoded }

    var logName: String { kind == .restore ? "restore.log" : "dump.log" }

    /// criu_req: type, then criu_opts.
    var encoded: [UInt8] {
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
    static var goOn: [UInt8] {
        var answer = ProtobufWriter()
        answer.put(1, Kind.notify.rawValue)
        answer.put(3, true)
        return answer.bytes
    }

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

struct CriuPair: Equatable {
    var key: String
    var value: String
}

/// The switches of both verbs, by the names of their options and the numbers of their fields.
struct CriuFlags: Equatable {
    private(set) var fields: [(field: UInt32, set: Bool)] = []

    private static let options: [(name: String, field: UInt32)] = [
        ("leave-running", 3), ("ext-unix-sk", 4), ("tcp-established", 5), ("shell-job", 7), ("file-locks", 8), ("auto-dedup", 16),
        ("link-remap", 18),
        ("tcp-skip-in-flight", 46), ("lazy-pages", 48),
    ]

    init() {}

    init(_ given: Arguments) { for (name, field) in Self.options where given.has(name) { fields.append((field, true)) } }

    static func == (left: CriuFlags, right: CriuFlags) -> Bool {
        left.fields.elementsEqual(right.fields) { $0.field == $1.field && $0.set == $1.set }
    }
}
