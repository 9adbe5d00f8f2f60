internal import ArgumentParser
internal import Images
internal import OCI

struct SystemCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Look at the store as a whole.", subcommands: [UsageCommand.self])
}

struct UsageCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "df", abstract: "Show what the store takes of the disk.",
        discussion: """
            Sizes are bytes of files as they are read; a file with several names counts once. ACTIVE is what a container uses (containers: those
            that run); RECLAIMABLE is the rest, which `gc --all` and `rm` give back.
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Each layer, with how many images and containers refer to it; and leases.")
    var verbose = false

    @Option(help: "table or json.")
    var format: ListFormat = .table

    func perform(_ context: Context) async throws -> Int32 {
        var running: Set<String> = []
        for container in try context.containers() where try await container.state().isAlive { running.insert(container.id) }
        let usage = try context.store.usage { running.contains($0) }
        if format == .json {
            say(Self.json(usage).text(pretty: true))
            return 0
        }
        var table = Table(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"])
        table.add(["images", "\(usage.images.total)", "\(usage.images.active)", "", ""])
        for (name, part) in Self.parts(usage) {
            table.add([name, "\(part.total)", "\(part.active)", Self.size(part.bytes), Self.size(part.reclaimable)])
        }
        for line in table.lines { say(line) }
        say("the disk is \(usage.usedPercent)% full")
        if verbose { show(usage) }
        return 0
    }

    private func show(_ usage: DiskUsage) {
        var layers = Table(["LAYER", "SIZE", "IMAGES", "CONTAINERS", "LEASED"])
        for layer in usage.details {
            layers.add([
                String(layer.id.drop { $0 != ":" }.dropFirst().prefix(12)), Self.size(layer.bytes), "\(layer.images)",
                "\(layer.containers)",
                layer.isLeased ? "yes" : "",
            ])
        }
        say("")
        for line in layers.lines { say(line) }
        guard !usage.leases.isEmpty else { return }
        var leases = Table(["LEASE", "EXPIRES", "FOR"])
        for lease in usage.leases { leases.add([lease.id, Timestamp(nanoseconds: Int64(clamping: lease.expires)).rfc3339, lease.note]) }
        say("")
        for line in leases.lines { say(line) }
    }

    private static func size(_ bytes: UInt64) -> String { ByteSize(bytes: Int64(clamping: bytes)).text }

    private static func parts(_ usage: DiskUsage) -> [(String, DiskUsage.Part)] {
        [("blobs", usage.blobs), ("layers", usage.layers), ("containers", usage.containers), ("work in progress", usage.work)]
    }

    private static func json(_ usage: DiskUsage) -> JSON {
        var object: JSONObject = [
            "images": ["total": .integer(Int64(usage.images.total)), "active": .integer(Int64(usage.images.active))]
        ]
        for (name, part) in parts(usage) {
            object[name == "work in progress" ? "work" : name] = [
                "total": .integer(Int64(part.total)), "active": .integer(Int64(part.active)), "size": .unsigned(part.bytes),
                "reclaimable": .unsigned(part.reclaimable),
            ]
        }
        object["usedPercent"] = .integer(Int64(usage.usedPercent))
        object["layerDetails"] = .array(
            usage.details.map { layer in
                [
                    "id": .string(layer.id), "size": .unsigned(layer.bytes), "images": .integer(Int64(layer.images)),
                    "containers": .integer(Int64(layer.containers)), "leased": .bool(layer.isLeased),
                ]
            })
        object["leases"] = .array(
            usage.leases.map { lease in
                [
                    "id": .string(lease.id), "note": .string(lease.note),
                    "expires": .string(Timestamp(nanoseconds: Int64(clamping: lease.expires)).rfc3339),
                ]
            })
        return .object(object)
    }
}

struct CheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compare what is stored with the records.",
        discussion: """
            Every blob is read and its digest computed. What is wrong is printed, a line each; the status is 1 when something stays wrong.
            --repair mends what follows from the records or from what is whole, and removes images whose blobs are damaged
            unless a container uses them.
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Mend what can be mended.")
    var repair = false

    @Flag(help: "Do not read blobs.")
    var quick = false

    @Flag(help: "Also unpack every layer once more and compare it with its files.")
    var deep = false

    func validate() throws {
        if quick && deep { throw ValidationError("--quick and --deep exclude each other") }
    }

    func perform(_ context: Context) async throws -> Int32 {
        let findings = try context.store.check(deep ? .trees : quick ? .structure : .blobs, repair: repair) {
            context.journal.debug("checking \($0)")
        }
        for finding in findings {
            let end =
                switch finding.outcome {
                case .found: ""
                case .repaired(let how): " (repaired: \(how))"
                case .kept(let why): " (not repaired: \(why))"
                }
            say("\(finding.subject): \(finding.what)\(end)")
        }
        if findings.isEmpty { say("nothing is wrong") }
        // A repair may have left blobs and layers to nobody.
        if findings.contains(where: \.isRepaired) { _ = try context.store.collectGarbage(.none) }
        return findings.allSatisfy(\.isRepaired) ? 0 : 1
    }
}
