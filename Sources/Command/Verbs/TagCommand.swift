internal import ArgumentParser
internal import Images

struct TagCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Give an image a further name.",
        discussion: "A name that another image has goes over to this one.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var image: String

    @Argument(help: ArgumentHelp("The further name.", valueName: "name[:tag]"))
    var name: String

    func perform(_ context: Context) async throws -> Int32 {
        _ = try context.store.tag(image, as: name)
        return 0
    }
}
