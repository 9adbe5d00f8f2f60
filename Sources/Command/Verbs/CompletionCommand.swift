internal import ArgumentParser
internal import Images

struct CompletionCommand: AnyVerb {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print the script with which a shell completes this command.",
        discussion: """
            bash: swiftlet completion bash > /usr/share/bash-completion/completions/swiftlet
            zsh: swiftlet completion zsh > /usr/share/zsh/site-functions/_swiftlet
            fish: swiftlet completion fish > /usr/share/fish/vendor_completions.d/swiftlet.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    @OptionGroup var global: GlobalOptions

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func begin(_ journal: Journal) async throws -> Int32 {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        say(Swiftlet.completionScript(for: kind))
        return 0
    }
}

/// What a shell offers for a word: names of what is there now. A shell that completes must not wait, nor hear of errors.
enum Completion {
    /// Of swiftletd: pods and containers.
    static let daemon = CompletionKind.custom { words, _, _ in await daemonNames(words) }
    /// Containers of `swiftlet run`, and of swiftletd where one answers.
    static let containers = CompletionKind.custom { words, _, _ in await localContainers(words) + daemonNames(words) }
    static let images = CompletionKind.custom { words, _, _ in localImages(words) }

    @Sendable private static func daemonNames(_ words: [String]) async -> [String] {
        let path = DaemonOptions.path(value(of: "--socket", in: words))
        guard let client = try? await DaemonClient.connect(path) else { return [] }
        let names = (try? await client.inventory().names) ?? []
        await client.close()
        return Array(Set(names)).sorted()
    }

    @Sendable private static func localContainers(_ words: [String]) async -> [String] {
        (try? store(words)?.containers().filter { $0.sandbox == nil }.map(\.name).sorted()) ?? []
    }

    @Sendable private static func localImages(_ words: [String]) -> [String] {
        (try? store(words)?.images().flatMap(\.names).filter { !$0.contains("@") }.map(ImageName.familiar).sorted()) ?? []
    }

    /// Only one that is there: looking makes none.
    private static func store(_ words: [String]) throws -> Store? {
        let root = value(of: "--root", in: words) ?? Context.environment["SWIFTLET_ROOT"] ?? GlobalOptions.defaultRoot
        guard Files.exists(root) else { return nil }
        return try Store(root: root)
    }

    package static func value(of option: String, in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            if word == option, index + 1 < words.count { return words[index + 1] }
            if word.hasPrefix(option + "=") { return String(word.dropFirst(option.count + 1)) }
        }
        return nil
    }
}
