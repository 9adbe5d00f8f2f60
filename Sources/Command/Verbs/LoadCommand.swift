internal import ArgumentParser
internal import Images
internal import LinuxSys

struct LoadCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Load images from a `docker save` archive or an OCI layout (directory or tar).")

    @OptionGroup var global: GlobalOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions

    @Option(help: ArgumentHelp("Name in place of those in the archive.", valueName: "name[:tag]"))
    var name: String?

    @Flag(help: "Keep what an index in the archive names for other machines, too.")
    var allPlatforms = false

    @Flag(name: .shortAndLong, help: "Do not show progress.")
    var quiet = false

    @Argument(help: ArgumentHelp("Archive, or directory with an OCI layout.", valueName: "path"))
    var path: String

    func perform(_ context: Context) async throws -> Int32 {
        keepBlocks()
        let display = ProgressDisplay(isQuiet: quiet)
        let images: [ImageRecord]
        do {
            let limits = try limits.limits()
            images = try interruptible("load", path) { cancellation in
                try context.store.load(path, name: name, allPlatforms: allPlatforms, limits: limits, cancellation: cancellation) {
                    display.show($0)
                }
            }
        } catch {
            display.clear()
            throw error
        }
        display.clear()
        for image in images {
            for name in image.names.isEmpty ? [image.shortID] : image.names.map(ImageName.familiar) { say("loaded \(name)") }
        }
        try GarbageThreshold.apply(context)
        return 0
    }
}
