internal import ArgumentParser
internal import Images

struct BundleCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Write an image as a bundle that any OCI runtime runs.",
        usage: "swiftlet bundle <image> <dir> [<command> [<arguments> ...]]",
        discussion: "config.json follows the image's configuration; rootfs is a copy that needs nothing of the store.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var image: String

    @Argument(help: ArgumentHelp("Directory to write, new or empty.", valueName: "dir"))
    var directory: String

    @Argument(parsing: .captureForPassthrough, help: "What to run instead of the image's command.")
    var command: [String] = []

    func perform(_ context: Context) async throws -> Int32 {
        let image = try context.store.image(image)
        var request = BundleRequest(image: image.config)
        request.arguments = command.isEmpty ? nil : command
        try request.writeStandalone(to: directory, image: image, of: context.store)
        return 0
    }
}
