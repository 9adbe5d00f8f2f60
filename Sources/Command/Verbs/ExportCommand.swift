internal import ArgumentParser
internal import Images

struct ExportCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a container's whole file system as a tar archive.")

    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("File to write (default: stdout).", valueName: "file"))
    var output: String?

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var container: String

    func perform(_ context: Context) async throws -> Int32 {
        let container = try context.container(container)
        let sockets = try OutputFile(output, for: "export").write { file, name in
            try context.store.export(container: container.id, to: file, named: name)
        }
        for socket in sockets { context.journal.warning("export \(container.name): the socket \(socket) is left out") }
        return 0
    }
}
