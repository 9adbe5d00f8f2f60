import Images
import OCI
import Testing

@testable import Registry

@Suite("references, addresses, challenges")
struct ValueTests {
    @Test(
        "a reference names registry, repository, tag and digest",
        arguments: [
            ("busybox", "docker.io", "library/busybox", "latest"), ("a/b:1", "docker.io", "a/b", "1"),
            ("localhost:5000/x/y:v2", "localhost:5000", "x/y", "v2"), ("reg.example/x", "reg.example", "x", "latest"),
            ("index.docker.io/x", "docker.io", "library/x", "latest"), ("[::1]:5000/x:1", "[::1]:5000", "x", "1"),
        ])
    func parts(_ text: String, _ host: String, _ repository: String, _ tag: String) throws {
        let reference = try Reference(text)
        #expect((reference.host, reference.repository, reference.tag) == (host, repository, tag))
        #expect(reference.digest == nil)
    }

    @Test("a digest stands above the tag")
    func digest() throws {
        let hex = String(repeating: "ab", count: 32)
        let reference = try Reference("reg.example:443/x:1@sha256:\(hex)")
        #expect(reference.manifest == "sha256:\(hex)")
        #expect(reference.name == "reg.example:443/x")
    }

    @Test(
        "what is no reference is refused",
        arguments: [
            "", "UPPER", "a//b", "x:", "x:a/b:", "x@sha256:1", "x@md5:00", "host:99999/x", "host:5000x/y", "a b", "x\n", "-/x", "../x",
            "[::1/x", "[]:1/x",
            "[::1]5/x",
        ])
    func refused(_ text: String) { #expect(throws: RegistryError.self) { try Reference(text) } }

    @Test("challenges of Bearer and Basic, with quotes, escapes and several in one header")
    func challenges() {
        let found = Challenge.all([
            #"Bearer realm="https://auth.example/token",service="reg, \"x\"",scope="repository:a/b:pull,push", Basic realm="r""#,
            "Negotiate",
        ])
        #expect(found.map(\.scheme) == ["bearer", "basic", "negotiate"])
        #expect(
            found[0].parameters == [
                "realm": "https://auth.example/token", "service": #"reg, "x""#, "scope": "repository:a/b:pull,push",
            ])
        #expect(found[1].parameters == ["realm": "r"])
        #expect(Challenge.all([#"Bearer realm="without end"#]) == [])
        #expect(Challenge.all([String(repeating: "x", count: 20_000)]) == [])
    }

    @Test("locations lead from an address to another")
    func locations() throws {
        let base = try #require(WebAddress("http://reg.example:5000/v2/a/blobs/uploads/1?x=1"))
        #expect(base.resolving("/v2/b")?.text == "http://reg.example:5000/v2/b")
        #expect(base.resolving("2?y=2")?.text == "http://reg.example:5000/v2/a/blobs/uploads/2?y=2")
        #expect(base.resolving("?z")?.text == "http://reg.example:5000/v2/a/blobs/uploads/1?z")
        #expect(base.resolving("//other.example/x")?.text == "http://other.example/x")
        #expect(base.resolving("HTTPS://Other.Example:443/x#f")?.text == "https://other.example/x")
        for bad in [
            "ftp://x/y", "http://user@x/", "http://", "http:///x", "http://x:0/", "http://x:99999/", "http://x y/", "http://x\u{7}/", "",
        ] {
            #expect(base.resolving(bad) == nil || !bad.contains("://"), "\(bad)")
            if bad.contains("://") { #expect(WebAddress(bad) == nil, "\(bad)") }
        }
    }

    @Test("only loopback is spoken to in the clear of itself")
    func loopback() throws {
        func origin(_ host: String) throws -> String { try #require(try Server.all(for: host, RegistrySettings()).last).origin.origin }
        #expect(try origin("localhost:5000") == "http://localhost:5000")
        #expect(try origin("127.0.0.1") == "http://127.0.0.1")
        #expect(try origin("127.9.9.9:1") == "http://127.9.9.9:1")
        #expect(try origin("[::1]:5000") == "http://[::1]:5000")
        #expect(try origin("127.0.0.1.example") == "https://127.0.0.1.example")
        #expect(try origin("10.0.0.1:5000") == "https://10.0.0.1:5000")
        #expect(try origin("localhost:443") == "https://localhost")
        var settings = RegistrySettings()
        settings.plainHosts = ["10.0.0.1:5000"]
        #expect(try Server.all(for: "10.0.0.1:5000", settings).map(\.origin.origin) == ["http://10.0.0.1:5000"])
    }

    @Test("settings name locations, mirrors and how certificates are checked")
    func settings() throws {
        let text = """
            {"registries": {"docker.io": {"mirrors": [{"location": "http://m1.example:5000/hub"}, {"location": "m2.example", "ca": "/ca.pem"}]},
             "reg.example": {"location": "https://10.0.0.7:5443", "insecure": true}}}
            """
        let settings = try RegistrySettings(json: JSON(parsing: Array(text.utf8)))
        let hub = try Server.all(for: "docker.io", settings)
        #expect(hub.map(\.isMirror) == [true, true, false])
        #expect(hub[0].address("library/x", "tags/list").text == "http://m1.example:5000/v2/hub/library/x/tags/list")
        #expect(hub[1].trust == Server.Trust(isInsecure: false, certificates: "/ca.pem"))
        #expect(hub.map(\.credentialsHost) == ["m1.example:5000", "m2.example", "docker.io"])
        let own = try Server.all(for: "REG.example", settings)
        #expect(own.map(\.origin.origin) == ["https://10.0.0.7:5443"])
        #expect(own[0].trust.isInsecure)
        #expect(own[0].credentialsHost == "reg.example")
    }

    @Test(
        "settings that would do nothing are refused with their place",
        arguments: [
            (#"{"registry": {}}"#, "registry: there is no such setting"),
            (#"{"registries": {"x": {"mirror": []}}}"#, "registries.x.mirror"),
            (#"{"registries": {"x": {"mirrors": [{"location": "ftp://y"}]}}}"#, "registries.x.mirrors[0].location"),
            (#"{"registries": {"x": {"ca": "relative.pem"}}}"#, "registries.x.ca"), (#"{"registries": {"a/b": {}}}"#, "is not host[:port]"),
            (#"{"registries": {"x": {"insecure": 1}}}"#, "registries.x.insecure: a boolean expected"),
        ])
    func badSettings(_ text: String, _ wanted: String) throws {
        let document = try JSON(parsing: Array(text.utf8))
        let error = #expect(throws: FieldError.self) { try RegistrySettings(json: document) }
        #expect(error?.description.contains(wanted) == true, "\(String(describing: error))")
    }

    @Test("base64 both ways, with and without padding", arguments: ["", "f", "fo", "foo", "foob", "user:pässword"])
    func base64(_ text: String) {
        let encoded = Base64.encode(Array(text.utf8))
        #expect(encoded.utf8.count % 4 == 0)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        #expect(Base64.decode(String(encoded.prefix { $0 != "=" })) == Array(text.utf8))
        #expect(Base64.encode(Array("foob".utf8)) == "Zm9vYg==")
        #expect(Base64.decode("Zm9v!") == nil)
    }

    @Test("dates of HTTP")
    func dates() {
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 00:00:00 GMT") == 1_709_164_800)
        #expect(HTTPDate.seconds("Sunday, 06-Nov-94 08:49:37 GMT") == nil)
    }

    @Test("what a stranger says is shown in one line, short, without control characters")
    func strangers() {
        #expect(shown("a\nb\u{1b}[31mc\u{202e}d") == "a b [31mc d")
        #expect(shown(String(repeating: "x", count: 500)).count == 200)
    }
}
