internal import ArgumentParser
internal import Images
internal import OCI

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Look at one image.", subcommands: [ImageInspectCommand.self])
}

struct ImageInspectCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show all that is known of images, as JSON.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var images: [String]

    func perform(_ context: Context) async throws -> Int32 {
        var found: [JSON] = []
        for name in images { found.append(try Self.describe(try context.store.image(name), context)) }
        say(JSON.array(found).text(pretty: true))
        return 0
    }

    static func describe(_ image: ImageRecord, _ context: Context) throws -> JSON {
        guard case .object(var object) = ImagesCommand.json(image) else { return .null }
        let documents = try context.store.documents(of: image)
        object["configuration"] = documents.config
        object["manifestDocument"] = documents.manifest
        object["LayerDirs"] = .array(context.store.layerDirectories(of: image).map { .string($0) })
        return .object(object)
    }
}
