import Foundation
import OCI
import Testing

@testable import Registry

@Suite("credentials in config.json and helper programs")
struct CredentialTests {
    private func config(_ text: String, _ extra: [String: String] = [:]) throws -> (DockerConfig, Temporary) {
        let temporary = try Temporary()
        _ = try temporary.write("config.json", text)
        return (DockerConfig(environment: ["DOCKER_CONFIG": temporary.path].merging(extra) { _, new in new }), temporary)
    }

    @Test("credentials are found by host, by the old keys of docker.io too, and for no other host")
    func byHost() throws {
        let auth = Base64.encode(Array("me:a:b".utf8))
        let (config, kept) = try config(
            """
            {"auths": {"reg.example:5000": {"auth": "\(auth)"}, "https://index.docker.io/v1/": {"identitytoken": "T", "auth": "\(auth)"},
             "https://old.example/v1/": {"username": "u", "password": "p"}, "empty.example": {}}}
            """)
        #expect(try config.credentials(for: "reg.example:5000") == .password(user: "me", password: "a:b"))
        #expect(try config.credentials(for: "reg.example") == nil)
        #expect(try config.credentials(for: "docker.io") == .identityToken("T"))
        #expect(try config.credentials(for: "old.example") == .password(user: "u", password: "p"))
        #expect(try config.credentials(for: "empty.example") == nil)
        withExtendedLifetime(kept) {}
    }

    @Test("a file that is not there has no credentials, one that is damaged is an error without its content")
    func damaged() throws {
        let temporary = try Temporary()
        #expect(try DockerConfig(environment: ["DOCKER_CONFIG": temporary("none")]).credentials(for: "x") == nil)
        let (bad, kept) = try config(#"{"auths": {"x": {"auth": "sEcReT!"}}}"#)
        let error = #expect(throws: RegistryError.self) { try bad.credentials(for: "x") }
        #expect(error?.description == "read \(kept("config.json")): auths.x.auth: is not user:password in base64")
    }

    @Test("log in and out change one entry, keep everything else, and leave mode 0600")
    func loginAndOut() throws {
        let (config, temporary) = try config(#"{"HttpHeaders": {"a": "b"}, "auths": {"other.example": {"auth": "YTpi"}}}"#)
        _ = try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: temporary("config.json"))
        #expect(try config.store(.password(user: "u", password: "p"), for: "reg.example") == temporary("config.json"))
        let mode = try FileManager.default.attributesOfItem(atPath: temporary("config.json"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try config.credentials(for: "reg.example") == .password(user: "u", password: "p"))
        _ = try config.store(.identityToken("T"), for: "docker.io")
        #expect(try config.credentials(for: "docker.io") == .identityToken("T"))
        #expect(try config.erase(for: "reg.example"))
        #expect(try !config.erase(for: "reg.example"))
        #expect(try config.erase(for: "docker.io"))
        let rest = try JSON(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: temporary("config.json")))))
        #expect(rest == ["HttpHeaders": ["a": "b"], "auths": ["other.example": ["auth": "YTpi"]]])
        #expect(temporary.entries("") == ["config.json"])
    }

    /// A helper that keeps what it is given in files, and logs what it was asked.
    private static let helper = """
        #!/bin/sh
        dir=$HELPER_DIR
        echo "$1" >> "$dir/log"
        case $1 in
        get) key=$(cat); if [ "$key" = broken.example ]; then echo "keychain is locked" >&2; exit 1; fi
             if [ "$key" = "$(cat "$dir/key" 2>/dev/null)" ]; then cat "$dir/secret"; else echo "credentials not found in native keychain"; exit 1; fi ;;
        store) cat > "$dir/secret"; sed -E 's/.*"ServerURL":"([^"]*)".*/\\1/' "$dir/secret" > "$dir/key" ;;
        erase) cat > /dev/null; rm "$dir/key" ;;
        esac
        """

    @Test("helper programs are asked, given to and told to forget; config.json gets no secret")
    func helpers() throws {
        let bin = try Temporary()
        _ = try bin.write("docker-credential-keep", Self.helper, mode: 0o755)
        let (config, temporary) = try config(
            #"{"credHelpers": {"reg.example": "keep", "broken.example": "keep", "gone.example": "nowhere"}}"#,
            ["PATH": "\(bin.path):/usr/bin:/bin", "HELPER_DIR": bin.path])
        #expect(try config.credentials(for: "reg.example") == nil)
        #expect(try config.store(.password(user: "u", password: "hidden"), for: "reg.example") == "docker-credential-keep")
        #expect(try config.credentials(for: "reg.example") == .password(user: "u", password: "hidden"))
        #expect(try !String(contentsOfFile: temporary("config.json"), encoding: .utf8).contains("hidden"))
        #expect(try config.erase(for: "reg.example"))
        #expect(try config.credentials(for: "reg.example") == nil)
        let locked = #expect(throws: RegistryError.self) { try config.credentials(for: "broken.example") }
        #expect(locked?.description == "ask docker-credential-keep for broken.example: keychain is locked")
        let gone = #expect(throws: RegistryError.self) { try config.credentials(for: "gone.example") }
        #expect(gone?.description == "ask docker-credential-nowhere for gone.example: no such program in PATH")
        let log = try String(contentsOfFile: bin("log"), encoding: .utf8).split(separator: "\n")
        #expect(log == ["get", "store", "get", "get", "erase", "get", "get"])
    }

    @Test("a helper's name is no path")
    func helperPath() throws {
        let (config, kept) = try config(#"{"credsStore": "../../evil"}"#)
        let error = #expect(throws: RegistryError.self) { try config.credentials(for: "x.example") }
        withExtendedLifetime(kept) {}
        #expect(error?.description.contains("no name of a program") == true)
    }

    @Test("credentials never print their secret")
    func secrets() {
        for secret in [Credentials.password(user: "u", password: "hidden"), .identityToken("hidden"), .registryToken("hidden")] {
            var dumped = ""
            dump(secret, to: &dumped)
            for text in ["\(secret)", String(reflecting: secret), String(describing: [secret]), dumped] {
                #expect(!text.contains("hidden"), "\(text)")
            }
        }
    }
}
