internal import ArgumentParser
internal import Glibc
internal import Images
internal import LinuxSys
internal import OCI

/// What `run` takes of a container: everything but the image and how to attend to it.
struct RunOptions: ParsableArguments {
    @Flag(name: .long, help: "Remove the container when it has ended.")
    var rm = false

    @Flag(name: .shortAndLong, help: "Run in the background and print the container's id.")
    var detach = false

    @Flag(name: .shortAndLong, help: "Keep stdin open and hand it to the container.")
    var interactive = false

    @Flag(name: [.customShort("t"), .customLong("tty")], help: "Give the container a terminal.")
    var terminal = false

    @Option(help: "What to call the container (default: a generated name).")
    var name: String?

    @Option(
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Set a variable, or hand on the one of that name.", valueName: "name=value"))
    var env: [String] = []

    @Option(help: ArgumentHelp("Read variables from a file, one a line.", valueName: "path"))
    var envFile: [String] = []

    @Option(
        name: [.customShort("v"), .customLong("volume")],
        help: ArgumentHelp(
            "Bind a path of the host; options: ro, rw, [r]private, [r]slave, [r]shared.", valueName: "source:target[:options]"))
    var volume: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Name or number, with or without a group.", valueName: "user[:group]"))
    var user: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Directory to start in.", valueName: "dir"))
    var workdir: String?

    @Option(help: "The container's host name (default: the short id).")
    var hostname: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Program in place of the image's entrypoint.", valueName: "program"))
    var entrypoint: String?

    @Flag(name: .customLong("init"), help: "Run a small init as the first process: it reaps orphans and passes signals on.")
    var addsInit = false

    @Flag(help: "Make the root file system read-only.")
    var readOnly = false

    @Option(help: "none (a network namespace with loopback only) or host.")
    var network: NetworkChoice = .none

    @Option(name: .shortAndLong, help: "Most memory, such as 512m.", transform: { try ByteSize(parsing: $0) })
    var memory: ByteSize?

    @Option(help: "Share of processors, such as 1.5.", transform: { try ProcessorShare(parsing: $0) })
    var cpus: ProcessorShare?

    @Option(help: "Most processes and threads; -1 for no limit.", transform: { try parseWholeNumber($0, from: -1, to: 1 << 22) })
    var pidsLimit: Int64?

    @Option(name: .shortAndLong, help: ArgumentHelp("Label of the container.", valueName: "name=value"))
    var label: [String] = []

    @Option(help: ArgumentHelp("Add a capability, or ALL.", valueName: "capability"))
    var capAdd: [String] = []

    @Option(help: ArgumentHelp("Take a capability away, or ALL.", valueName: "capability"))
    var capDrop: [String] = []

    @Flag(help: "All capabilities and devices; nothing masked, no seccomp filter.")
    var privileged = false

    @Option(help: "What `stop` sends (default: the image's, or TERM).", transform: { try SignalName(parsing: $0) })
    var stopSignal: SignalName?

    @Option(
        help: ArgumentHelp(
            "How the image's layers become the root: overlay, copy (a copy of everything) or fuse-overlayfs.", valueName: "name"))
    var snapshotter: SnapshotterKind = .overlay

    func validate() throws {
        if let name { try ContainerName.check(name) }
        if pidsLimit == 0 { throw ValidationError("--pids-limit 0 would allow no process: use -1 for no limit") }
        if let memory, memory.bytes < 6 << 20 { throw ValidationError("--memory is below 6m, in which no container starts") }
        if detach, interactive, !terminal { throw ValidationError("--interactive and --detach together need --tty") }
    }
}

extension SnapshotterKind: ExpressibleByArgument {}

enum NetworkChoice: String, ExpressibleByArgument, CaseIterable, Sendable { case none, host }

extension RunOptions {
    func environment() throws -> EnvironmentList {
        var list = EnvironmentList()
        for path in envFile {
            try list.add(file: try Files.read(path, limit: 1 << 20), named: path, inherited: Context.environment)
        }
        for entry in env { try list.add(entry, inherited: Context.environment) }
        return list
    }

    func volumes() throws -> [Volume] {
        guard !volume.isEmpty else { return [] }
        let directory = try Context.workingDirectory()
        return try volume.map {
            let volume = try Volume(parsing: $0, directory: directory)
            guard Files.exists(volume.source) else { throw CommandFailure("bind", volume.source, "no such file or directory (ENOENT)") }
            return volume
        }
    }

    /// The bundle to write for `image` with `command` in place of its own (when not empty).
    func bundleRequest(_ id: String, image: ImageRecord, command: [String]) throws -> BundleRequest {
        var request = BundleRequest(image: image.config)
        request.entrypoint = entrypoint.map { $0.isEmpty ? [] : [$0] }
        request.arguments = command.isEmpty ? nil : command
        request.environment = try environment().entries
        request.workingDirectory = workdir
        request.user = user
        request.hostname = containerHostname(id)
        request.terminal = terminal
        request.binds = try volumes().map {
            BindRequest(
                source: $0.source, destination: $0.target, readOnly: $0.isReadOnly,
                options: $0.propagation == "rprivate" ? [] : [$0.propagation])
        }
        if network == .host { request.namespaces = NamespaceRequest.standard.filter { $0.kind != .network } }
        request.readOnlyRoot = readOnly
        request.addCapabilities = capAdd
        request.dropCapabilities = capDrop
        request.privileged = privileged
        request.resources = resources
        // At the top: a common parent would stay behind when the last container goes.
        request.cgroupsPath = "/swiftlet-\(id)"
        request.annotations = addsInit ? ["io.swiftlet.init": "true"] : [:]
        return request
    }

    private var resources: ResourceRequest {
        var resources = ResourceRequest()
        resources.memory = memory?.bytes
        resources.cpuQuota = cpus?.quota
        resources.cpuPeriod = cpus == nil ? nil : ProcessorShare.period
        resources.pids = pidsLimit
        return resources
    }

    func containerHostname(_ id: String) -> String { hostname ?? (network == .host ? Self.hostName() : nil) ?? ContainerID.short(id) }

    /// For /etc/resolv.conf and /etc/hosts of the init layer: without a network there is nobody to ask.
    func identity(_ id: String) throws -> ContainerIdentity {
        var identity = ContainerIdentity(hostname: containerHostname(id))
        if network == .host, Files.exists("/etc/resolv.conf") {
            identity.resolvConf = String(decoding: try Files.read("/etc/resolv.conf", limit: 1 << 20), as: UTF8.self)
        }
        return identity
    }

    private static func hostName() -> String? {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// As `inspect` shows what was asked for.
    func summary(_ image: ImageRecord, command: [String]) throws -> JSON {
        var object = JSONObject()
        object["command"] = .array(command.map { .string($0) })
        object["environment"] = .array((image.config.run.environment + (try environment().entries)).map { .string($0) })
        object["user"] = .string(user ?? image.config.run.user)
        object["workingDirectory"] = .string(
            workdir ?? (image.config.run.workingDirectory.isEmpty ? "/" : image.config.run.workingDirectory))
        object["readOnlyRoot"] = .bool(readOnly)
        object["privileged"] = .bool(privileged)
        object["capabilitiesAdded"] = .array(capAdd.map { .string($0) })
        object["capabilitiesDropped"] = .array(capDrop.map { .string($0) })
        if let memory { object["memory"] = .integer(memory.bytes) }
        if let cpus { object["cpuQuota"] = .integer(cpus.quota) }
        if let pidsLimit { object["pidsLimit"] = .integer(pidsLimit) }
        object["mounts"] = .array(
            try volumes().map {
                [
                    "source": .string($0.source), "target": .string($0.target), "readOnly": .bool($0.isReadOnly),
                    "propagation": .string($0.propagation),
                ]
            })
        return .object(object)
    }

    /// What will be executed, for the COMMAND column: the image's entrypoint and command as far as nothing replaces them.
    func effectiveCommand(_ image: ImageRecord, command: [String]) -> [String] {
        if let entrypoint { return (entrypoint.isEmpty ? [] : [entrypoint]) + command }
        return image.config.run.entrypoint + (command.isEmpty ? image.config.run.command : command)
    }

    func stopSignal(_ image: ImageRecord) throws -> Int32 {
        if let stopSignal { return stopSignal.number }
        guard let text = image.config.run.stopSignal, !text.isEmpty else { return 15 }
        return try SignalName(parsing: text).number
    }
}
