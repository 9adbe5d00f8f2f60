internal import ArgumentParser
internal import Glibc
internal import Images
internal import LinuxSys

struct ImportCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make an image of one layer from a tar archive of a file system.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: NewImageOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions

    @Argument(help: ArgumentHelp("Archive, plain or packed by gzip or zstd; - for stdin.", valueName: "file"))
    var file: String

    @Argument(help: ArgumentHelp("What to call the image.", valueName: "name[:tag]"))
    var name: String?

    func perform(_ context: Context) async throws -> Int32 {
        keepBlocks()
        var request = try options.request()
        request.name = name
        if file == "-", RawTerminal.isTerminal(0) { throw CommandFailure("import", "stdin", "it is a terminal") }
        let source = FDBox(file == "-" ? try FD.copy(of: 0) : try FD.open(file, O_RDONLY))
        let limits = try limits.limits()
        let image = try interruptible("import", file) { cancellation in
            try context.store.importImage(from: source, named: file, request, limits: limits, cancellation: cancellation)
        }
        say(image.id)
        try GarbageThreshold.apply(context)
        return 0
    }
}
