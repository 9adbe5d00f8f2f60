internal import ArgumentParser
internal import Images
internal import OCI

struct InspectCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show all that is known of containers or images, as JSON.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Pods and containers of swiftletd.")
    var pods = false

    @Flag(name: .shortAndLong, help: "Add up what a container wrote (SizeRw) and all of its tree (SizeRootFs).")
    var size = false

    @Argument(
        help: ArgumentHelp("Container (name, id, prefix of an id) or image.", valueName: "name"),
        completion: Completion.containers)
    var names: [String]

    func begin(_ journal: Journal) async throws -> Int32 {
        guard pods else { return try await perform(try Context(global, journal)) }
        return try await withDaemon(daemon) { client in
            let inventory = try await client.inventory()
            var found: [JSON] = []
            for name in names { found.append(try await PodInspect.describe(name, client, inventory)) }
            say(JSON.array(found).text(pretty: true))
            return 0
        }
    }

    func perform(_ context: Context) async throws -> Int32 {
        var found: [JSON] = []
        for name in names { found.append(try await describe(name, context)) }
        say(JSON.array(found).text(pretty: true))
        return 0
    }

    private func describe(_ name: String, _ context: Context) async throws -> JSON {
        do {
            return try await describe(try context.container(name))
        } catch ImageError.notFound(.container, _) {
            do {
                return try ImageInspectCommand.describe(try context.store.image(name), context)
            } catch ImageError.notFound {
                throw CommandFailure("inspect", name, "no such container or image")
            }
        }
    }

    private func describe(_ container: Container) async throws -> JSON {
        let state = try await container.state()
        guard case .object(var object) = ListCommand.json(container, state) else { return .null }
        // The state may have just been settled and remembered.
        let detail = try Container(container.context.store.container(container.id), container.context).detail
        object["imageID"] = .string(container.record.imageID)
        object["started"] = detail.started.map { .string($0.rfc3339) } ?? .null
        if case .exited(let exit) = state { object["finished"] = .string(exit.finished.rfc3339) }
        object["hostname"] = .string(detail.hostname)
        object["network"] = .string(detail.network)
        object["terminal"] = .bool(detail.terminal)
        object["interactive"] = .bool(detail.stdin)
        object["autoRemove"] = .bool(detail.autoRemove)
        object["stopSignal"] = .string(SignalName(number: detail.stopSignal).name)
        object["bundle"] = .string(container.directory)
        object["log"] = .string(container.logPath)
        object["supervisor"] = .string(detail.socket)
        let root = try container.context.store.containerRoot(container.id)
        object["snapshotter"] = .string(root.snapshotter.rawValue)
        object["LowerDir"] = .string(([root.initDir] + root.lowerDirs).joined(separator: ":"))
        object["UpperDir"] = .string(root.upperDir)
        object["WorkDir"] = root.workDir.map { .string($0) } ?? .null
        // The kernel's overlay is mounted where only the container sees it.
        object["MergedDir"] = (root.mergedDir ?? (state.pid > 0 ? "/proc/\(state.pid)/root" : nil)).map { .string($0) } ?? .null
        if size {
            let sizes = try container.context.store.sizes(of: container.id)
            object["SizeRw"] = .unsigned(sizes.changes)
            object["SizeRootFs"] = .unsigned(sizes.root)
        }
        object["mounts"] = detail.config["mounts"] ?? []
        object["config"] = detail.config
        return .object(object)
    }
}
