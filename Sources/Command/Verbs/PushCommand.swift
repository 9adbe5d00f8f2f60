internal import ArgumentParser
internal import Images
internal import Registry

struct PushCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Bring an image to a registry.",
        discussion: """
            Layers, configuration and manifest stay as they are: digests do not change. What the registry has
            is not sent.

            An image that came with an index (pull or load with --all-platforms) is pushed with all of it.
            When only the image for this machine is here, that is pushed alone; with --all-platforms it is
            an error that says what is missing. An image that is called by its id is always pushed alone.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions

    @Flag(help: "The whole index that the image came with, or nothing.")
    var allPlatforms = false

    @Flag(name: .shortAndLong, help: "Do not show progress.")
    var quiet = false

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var image: String

    @Argument(help: ArgumentHelp("Where to, if not to where the name says.", valueName: "name[:tag]"))
    var target: String?

    func perform(_ context: Context) async throws -> Int32 {
        let target = try Reference(target ?? image)
        let display = ProgressDisplay(isQuiet: quiet)
        let watch = SignalWatch(context.journal)
        let pushed = try await watch.untilAttending("push") {
            defer { display.clear() }
            return try await registry.with(target.host) { (client) throws(RegistryError) in
                try await Push(image, to: target, allPlatforms: allPlatforms, client: client, store: context.store).run { display.show($0) }
            }
        }
        var blobs = "\(pushed.sent) blob\(pushed.sent == 1 ? "" : "s") sent, \(pushed.mounted) mounted"
        if let manifests = pushed.manifests { blobs = "\(manifests) manifest\(manifests == 1 ? "" : "s"), \(blobs)" }
        if !pushed.missing.isEmpty { blobs += "; without \(pushed.missing.count) more of its index" }
        say(quiet ? "\(pushed.digest)" : "pushed \(ImageName.familiar(target.description)): \(pushed.digest) (\(blobs))")
        return 0
    }
}
