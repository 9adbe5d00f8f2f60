internal import ArgumentParser
internal import Images
internal import OCI

enum ListFormat: String, ExpressibleByArgument, CaseIterable, Sendable { case table, json }

struct ImagesCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "images", abstract: "List the images.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false

    @Option(help: "table or json.")
    var format: ListFormat = .table

    func perform(_ context: Context) async throws -> Int32 {
        let images = try context.store.images()
        if quiet {
            for image in images { say(image.id) }
        } else if format == .json {
            say(JSON.array(images.map(Self.json)).text(pretty: true))
        } else {
            var table = Table(["NAME", "IMAGE ID", "PLATFORM", "LOADED", "SIZE"])
            for image in images {
                let loaded = Timestamp(nanoseconds: Int64(clamping: image.loaded)).rfc3339.prefix(19)
                for name in Self.shownNames(image) {
                    table.add([
                        name, image.shortID, "\(image.config.os)/\(image.config.architecture)", "\(loaded)Z",
                        ByteSize(bytes: Int64(clamping: image.size)).text,
                    ])
                }
            }
            for line in table.lines { say(line) }
        }
        return 0
    }

    /// The names with a tag; where there is none, those with a digest.
    private static func shownNames(_ image: ImageRecord) -> [String] {
        let tags = image.names.filter { !$0.contains("@") }
        let names = tags.isEmpty ? image.names : tags
        return names.isEmpty ? ["<none>"] : names.map(ImageName.familiar)
    }

    static func json(_ image: ImageRecord) -> JSON {
        [
            "id": .string(image.id), "names": .array(image.names.map { .string($0) }), "manifest": .string(image.manifest),
            "layers": .array(image.chain.map { .string($0) }), "size": .unsigned(image.size),
            "loaded": .string(Timestamp(nanoseconds: Int64(clamping: image.loaded)).rfc3339), "os": .string(image.config.os),
            "architecture": .string(image.config.architecture),
        ]
    }
}

struct RemoveImageCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "rmi", abstract: "Remove images that no container uses.",
        discussion: "A name is taken away; the image goes with its last name, or at once when it is given by its id.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var images: [String]

    func perform(_ context: Context) async throws -> Int32 {
        for image in images {
            try context.store.removeImage(image)
            say("removed \(image)")
        }
        return 0
    }
}
