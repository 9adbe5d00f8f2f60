internal import ArgumentParser
internal import Images
internal import Registry

struct PushCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Bring an image to a registry.",
        discussion: "Layers, configuration and manifest stay as they are: digests do not change. What the registry has is not sent.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions

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
                try await Push(image, to: target, client: client, store: context.store).run { display.show($0) }
            }
        }
        let blobs = "\(pushed.sent) blob\(pushed.sent == 1 ? "" : "s") sent, \(pushed.mounted) mounted"
        say(quiet ? "\(pushed.digest)" : "pushed \(ImageName.familiar(target.description)): \(pushed.digest) (\(blobs))")
        return 0
    }
}
