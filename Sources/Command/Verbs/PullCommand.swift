internal import ArgumentParser
internal import Images
internal import LinuxSys
internal import Registry

struct PullCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Bring an image from its registry.",
        discussion: """
            Layers that are here already are not fetched; the others are checked and unpacked while they arrive.
            Credentials are those of docker's config.json (`swiftlet login`); mirrors and the like are in \(RegistrySettings.standardPath)
            (SWIFTLET_REGISTRIES moves it).

            With --all-platforms what an index names for other machines is kept as well, though not unpacked:
            `push` and `save --all-platforms` hand on all of it.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: PullOptions

    @Flag(help: "Every tag of the repository.")
    var allTags = false

    @Flag(help: "All images of an index, not only the one for this machine.")
    var allPlatforms = false

    @Flag(name: .shortAndLong, help: "Do not show progress.")
    var quiet = false

    @Argument(help: ArgumentHelp("Name, name:tag or name@digest.", valueName: "image"))
    var image: String

    func perform(_ context: Context) async throws -> Int32 {
        keepBlocks()
        let reference = try Reference(image)
        let watch = SignalWatch(context.journal)
        return try await watch.untilAttending("pull") {
            for reference in try await references(reference) {
                let pulled = try await options.pull(reference, allPlatforms: allPlatforms, context, ProgressDisplay(isQuiet: quiet))
                let layers =
                    if let manifests = pulled.manifests {
                        "\(manifests) manifest\(manifests == 1 ? "" : "s"), \(pulled.fetched) blob\(pulled.fetched == 1 ? "" : "s") fetched"
                    } else {
                        "\(pulled.layers) layer\(pulled.layers == 1 ? "" : "s"), \(pulled.fetched) fetched"
                    }
                say(quiet ? pulled.image.id : "pulled \(ImageName.familiar(reference.description)): \(pulled.digest) (\(layers))")
            }
            return 0
        }
    }

    private func references(_ reference: Reference) async throws -> [Reference] {
        guard allTags else { return [reference] }
        let tags = try await options.registry.with(reference.host) { (client) throws(RegistryError) in try await client.tags(of: reference)
        }
        return tags.map { reference.with(tag: $0) }
    }
}
