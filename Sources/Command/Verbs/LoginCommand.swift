internal import ArgumentParser
internal import Registry

struct LoginCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Try credentials at a registry and keep them.",
        discussion: """
            They are kept where docker keeps them: by the helper program that config.json names, else in that file itself (mode 0600).
            The password is read from stdin: typed unseen at a terminal, else the first line.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions

    @Option(name: [.short, .customLong("username")], help: ArgumentHelp("Who you are there.", valueName: "name"))
    var user: String?

    @Flag(help: "Read the password from stdin, also when that is a terminal.")
    var passwordStdin = false

    @Argument(help: ArgumentHelp("host[:port]", valueName: "registry"))
    var host = "docker.io"

    func perform(_ context: Context) async throws -> Int32 {
        let host = try RegistryHost(host).name
        var user = user
        if user == nil, !passwordStdin, let typed = try Prompt.line("Username: ", isSecret: false) { user = typed }
        guard let user, !user.isEmpty, !user.contains(":") else {
            throw CommandFailure("log in to", host, "a user name without `:` is needed (--username)")
        }
        let password = passwordStdin ? try Prompt.line(nil, isSecret: false) : try Prompt.line("Password: ", isSecret: true)
        guard let password, !password.isEmpty else { throw CommandFailure("log in to", host, "no password on stdin") }
        let credentials = try await registry.with(host) { (client) throws(RegistryError) in
            try await client.check(user: user, password: password, for: host)
        }
        let place = try DockerConfig(environment: Context.environment).store(credentials, for: host)
        say("logged in to \(host) (kept in \(place))")
        return 0
    }
}

struct LogoutCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "logout", abstract: "Forget the credentials for a registry.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("host[:port]", valueName: "registry"))
    var host = "docker.io"

    func perform(_ context: Context) async throws -> Int32 {
        let host = try RegistryHost(host).name
        let found = try DockerConfig(environment: Context.environment).erase(for: host)
        say(found ? "logged out of \(host)" : "not logged in to \(host)")
        return 0
    }
}
