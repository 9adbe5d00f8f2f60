internal import ArgumentParser
internal import Images
internal import OCI
internal import Registry

enum PullPolicy: String, ExpressibleByArgument, CaseIterable, Sendable { case always, missing, never }

/// How registries are spoken to.
struct RegistryOptions: ParsableArguments {
    @Flag(name: .customLong("plain-http"), help: "Speak plain HTTP with the registry (done anyway on loopback).")
    var plainHTTP = false

    /// Whatever a registry wants to know of who asks is in docker's config.json.
    func with<T: Sendable>(
        _ host: String, _ body: (RegistryClient) async throws(RegistryError) -> T
    ) async throws(RegistryError) -> T {
        var settings = try RegistrySettings(file: Self.settingsPath)
        if plainHTTP { settings.plainHosts.insert(host) }
        return try await RegistryClient.with(settings, DockerConfig(environment: Context.environment), body)
    }

    private static var settingsPath: String {
        Context.environment["SWIFTLET_REGISTRIES"].flatMap { $0.isEmpty ? nil : $0 } ?? RegistrySettings.standardPath
    }
}

/// What is pulled, and how.
struct PullOptions: ParsableArguments {
    @Option(help: ArgumentHelp("For which machine (default: this one).", valueName: "os/arch[/variant]"))
    var platform: Platform?

    @OptionGroup var registry: RegistryOptions

    func pull(
        _ reference: Reference, allPlatforms: Bool = false, _ context: Context, _ display: ProgressDisplay
    ) async throws(RegistryError) -> Pulled {
        defer { display.clear() }
        return try await registry.with(reference.host) { (client) throws(RegistryError) in
            try await Pull(reference, platform: platform ?? .host, allPlatforms: allPlatforms, client: client, store: context.store)
                .run { display.show($0) }
        }
    }
}

extension Platform: ExpressibleByArgument {
    package init?(argument: String) { self.init(parsing: argument) }
}
