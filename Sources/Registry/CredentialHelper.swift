internal import Glibc
internal import LinuxSys
internal import OCI

/// The programs `docker-credential-NAME`: `get`, `store` and `erase` with the registry on stdin (docker/docker-credential-helpers, protocol).
struct CredentialHelpers: Sendable {
    private let environment: [String: String]
    private static let seconds: UInt64 = 30
    /// How a helper says that it has nothing.
    private static let nothing = ["credentials not found in native keychain", "no credentials server URL", "credentials not found"]

    init(environment: [String: String]) { self.environment = environment }

    func get(_ name: String, _ key: String) throws(RegistryError) -> Credentials? {
        let program = "docker-credential-\(name)"
        let output = try run(name, "get", key)
        guard output.status == .code(0) else {
            let text = String(decoding: output.stdout + output.stderr, as: UTF8.self)
            if Self.nothing.contains(where: { text.range(of: $0) != nil }) { return nil }
            throw .helper(program: program, host: key, reason: Self.reason(output))
        }
        do {
            let field = JSONField(try JSON(parsing: output.stdout))
            let (user, secret) = (try field.member("Username").optionalString() ?? "", try field.member("Secret").optionalString() ?? "")
            guard !secret.isEmpty else { return nil }
            return user == DockerConfig.tokenUser ? .identityToken(secret) : .password(user: user, password: secret)
        } catch {
            // What it printed may hold the secret: it is not shown.
            throw .helper(program: program, host: key, reason: "its answer is not what the protocol has")
        }
    }

    func store(_ name: String, _ key: String, _ credentials: Credentials) throws(RegistryError) {
        let (user, secret) =
            switch credentials {
            case .password(let user, let password): (user, password)
            case .identityToken(let token), .registryToken(let token): (DockerConfig.tokenUser, token)
            }
        let document: JSON = ["ServerURL": .string(key), "Username": .string(user), "Secret": .string(secret)]
        let output = try run(name, "store", document.text())
        guard output.status == .code(0) else {
            throw .helper(program: "docker-credential-\(name)", host: key, reason: Self.reason(output))
        }
    }

    func erase(_ name: String, _ key: String) throws(RegistryError) {
        let output = try run(name, "erase", key)
        guard output.status == .code(0) else {
            throw .helper(program: "docker-credential-\(name)", host: key, reason: Self.reason(output))
        }
    }

    private func run(_ name: String, _ verb: String, _ input: String) throws(RegistryError) -> ProgramOutput {
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x2f }) else {
            throw .settings(subject: "credential helper", reason: "`\(shown(name))` is no name of a program")
        }
        let program = "docker-credential-\(name)"
        let directories = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        let paths = directories.map { "\($0)/\(program)" }
        guard let path = paths.first(where: { path in unsafe access(path, X_OK) == 0 }) else {
            throw .helper(program: program, host: verb == "store" ? "the registry" : input, reason: "no such program in PATH")
        }
        let pairs = environment.map { "\($0.key)=\($0.value)" }
        do throws(SysError) {
            return try runProgram(
                path, [verb], environment: pairs, directory: nil, deadline: Self.seconds * 1_000_000_000, input: Array(input.utf8))
        } catch {
            throw .kernel(error)
        }
    }

    private static func reason(_ output: ProgramOutput) -> String {
        let text = shown(String(decoding: output.stderr.isEmpty ? output.stdout : output.stderr, as: UTF8.self))
        let words = text.split(separator: " ").joined(separator: " ")
        return words.isEmpty ? "it ended with status \(output.status.number)" : words
    }
}
