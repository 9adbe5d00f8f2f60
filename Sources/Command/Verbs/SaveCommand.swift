internal import ArgumentParser
internal import Images

struct SaveCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Write images as an archive that other tools read.",
        discussion: "Layers, configurations and manifests stay as they are: digests do not change.")

    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("File or, for oci-dir, directory to write (default: stdout).", valueName: "path"))
    var output: String?

    @Option(help: "docker-archive, oci-archive or oci-dir.")
    var format: ArchiveFormat = .dockerArchive

    @Flag(help: "Each with the whole index that it came with (`pull --all-platforms`).")
    var allPlatforms = false

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var images: [String]

    func validate() throws {
        if format == .ociDirectory, output == nil { throw ValidationError("oci-dir needs --output") }
    }

    func perform(_ context: Context) async throws -> Int32 {
        if format == .ociDirectory, let output {
            for image in images where allPlatforms { _ = try context.store.wholeIndex(image, for: "save") }
            try context.store.save(images, allPlatforms: allPlatforms, toDirectory: output)
            return 0
        }
        // An image that is not there must not cost the file that is.
        for image in images {
            if allPlatforms { _ = try context.store.wholeIndex(image, for: "save") } else { _ = try context.store.image(image) }
        }
        try OutputFile(output, for: "save").write { file, name in
            try context.store.save(images, as: format, allPlatforms: allPlatforms, toTar: file, named: name)
        }
        return 0
    }
}

extension ArchiveFormat: ExpressibleByArgument {}
