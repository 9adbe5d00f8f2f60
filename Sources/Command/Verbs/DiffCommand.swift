internal import ArgumentParser
internal import Images

struct DiffCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "List what a container changed of its image's files.",
        discussion: "A line is A (added), C (changed, or something in it was) or D (deleted) and a path.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var container: String

    func perform(_ context: Context) async throws -> Int32 {
        let id = try context.container(container).id
        try context.store.changes(of: id) { (change) throws(ImageError) in say("\(change.kind.rawValue) \(change.path)") }
        return 0
    }
}
