import Foundation
import Images
import NIOHTTP1
import OCI
import Synchronization
import Testing

@testable import Registry

@Suite("speaking with registries", .enabled(if: isRoot, "unpacking needs root"))
struct SessionTests {
    private let image = TestImage(layers: [tar([("f", Array("content".utf8))])])

    private var content: Content {
        var content = Content()
        content.add(image, tag: "1")
        return content
    }

    private static func challenge(_ realm: String, scope: String = "repository:x:pull") -> Reply {
        .status(401, [("WWW-Authenticate", #"Bearer realm="\#(realm)",service="test",scope="\#(scope)""#)])
    }

    @Test("tokens: asked for with the credentials once, used for everything, and again when they have become bad")
    func bearer() async throws {
        let tokens = Mutex(0)
        let auth = try await TestServer.start { asked in
            guard asked.authorization == "Basic \(Base64.encode(Array("me:secret".utf8)))" else { return .status(401) }
            let number = tokens.withLock {
                $0 += 1
                return $0
            }
            return .text(#"{"token":"token-\#(number)","expires_in":300}"#)
        }
        let good = Mutex("token-1")
        let used = Mutex(0)
        let realm = "http://\(auth.host)/token"
        let server = try await TestServer.start { [content] asked in
            guard asked.authorization == "Bearer \(good.withLock { $0 })" else { return Self.challenge(realm) }
            // In the middle of things the first token becomes bad.
            if used.withLock({
                $0 += 1
                return $0
            }) == 1 {
                good.withLock { $0 = "token-2" }
            }
            return content.reply(asked)
        }
        let fixture = try Fixture()
        let pulled = try await fixture.pull(
            "\(server.host)/x:1", credentials: FixedCredentials(.password(user: "me", password: "secret"), for: server.host))
        #expect(fixture.file("f", of: pulled.image) == Array("content".utf8))
        #expect(tokens.withLock { $0 } == 2)
        #expect(
            auth.asked.allSatisfy { $0.target.contains("service=test&scope=repository%3Ax%3Apull&account=me") },
            "\(auth.asked.map(\.target))")
        // Nothing but a challenge makes credentials leave, and the password never goes to the registry.
        #expect(server.asked[0].authorization == nil)
        #expect(server.asked.allSatisfy { $0.authorization?.hasPrefix("Basic") != true })
        await server.stop()
        await auth.stop()
    }

    @Test("an identity token is exchanged by POST; a registry token is sent as it is")
    func tokens() async throws {
        let auth = try await TestServer.start { asked in
            guard asked.method == .POST, asked.authorization == nil,
                String(decoding: asked.body, as: UTF8.self)
                    == "grant_type=refresh_token&client_id=swiftlet&refresh_token=refresh%2Fme&service=test&scope=repository%3Ax%3Apull"
            else { return .status(401) }
            return .text(#"{"access_token":"granted"}"#)
        }
        let realm = "http://\(auth.host)/token"
        let server = try await TestServer.start { [content] asked in
            ["Bearer granted", "Bearer direct"].contains(asked.authorization) ? content.reply(asked) : Self.challenge(realm)
        }
        for credentials in [Credentials.identityToken("refresh/me"), .registryToken("direct")] {
            _ = try await Fixture().pull("\(server.host)/x:1", credentials: FixedCredentials(credentials, for: server.host))
        }
        #expect(auth.asked.count == 1)
        await server.stop()
        await auth.stop()
    }

    @Test("401, 403, 404 and 429 are told apart, in one line, without a secret in it")
    func refusals() async throws {
        let auth = try await TestServer.start { _ in .status(401) }
        let realm = "http://\(auth.host)/token?key=sIgNaTuRe"
        let server = try await TestServer.start { asked in
            switch asked.path.split(separator: "/")[1] {
            case "bearer": return Self.challenge(realm)
            case "basic": return .status(401, [("WWW-Authenticate", #"Basic realm="r""#)])
            case "forbidden":
                var reply = Reply.text(#"{"errors":[{"code":"DENIED","message":"not\nfor you"}]}"#)
                reply.status = 403
                return reply
            case "limited": return .status(429, [("Retry-After", "3600")])
            case "broken": return .status(500)
            default: return .status(404)
            }
        }
        let fixture = try Fixture()
        let credentials = FixedCredentials(.password(user: "me", password: "pAsSwOrD"), for: server.host)
        for (name, credentials, wanted) in [
            ("bearer", credentials, "not authenticated (401): http://\(auth.host) does not accept the credentials"),
            ("bearer", FixedCredentials(), "not authenticated (401): http://\(auth.host) wants credentials (`swiftlet login`)"),
            ("basic", credentials, "not authenticated (401): \(server.host) does not accept the credentials"),
            ("basic", FixedCredentials(), "not authenticated (401): no credentials for it (`swiftlet login \(server.host)`)"),
            ("forbidden", credentials, "access denied (403): not for you"),
            ("missing", credentials, "not found (404): http://\(server.host) has no such thing"),
            ("limited", credentials, "too many requests (429): the registry asks to come again after 3600 s"),
            ("broken", credentials, "the registry answers 500: http://\(server.host) does not say why"),
        ] {
            let error = await failure { () throws(RegistryError) in
                try await fixture.pull("\(server.host)/\(name):1", credentials: credentials)
            }
            #expect(error?.description == "pull \(server.host)/\(name):1: \(wanted)")
            for secret in ["pAsSwOrD", "sIgNaTuRe", Base64.encode(Array("me:pAsSwOrD".utf8))] {
                #expect(error?.description.contains(secret) == false)
            }
        }
        await server.stop()
        await auth.stop()
    }

    @Test("what may pass is tried again after the time that the registry asks for")
    func retries() async throws {
        let clock = ContinuousClock()
        let times = Mutex<[ContinuousClock.Instant]>([])
        let server = try await TestServer.start { [content] asked in
            let number = times.withLock { times in
                times.append(clock.now)
                return times.count
            }
            switch number {
            case 1: return .status(503)
            case 2: return .status(429, [("Retry-After", "1")])
            default: return content.reply(asked)
            }
        }
        _ = try await Fixture().pull("\(server.host)/x:1")
        let seen = times.withLock { $0 }
        #expect(seen.count >= 5)
        #expect(seen[2] - seen[1] >= .seconds(1))
        // Without end it is not tried.
        server.set { _ in .status(503) }
        let before = server.asked.count
        let fixture = try Fixture()
        _ = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:1") }
        #expect(server.asked.count == before + 4)
        await server.stop()
    }

    @Test("a redirect to another host gets the request and no credentials; one in a circle ends")
    func redirects() async throws {
        let storage = try await TestServer.start { [content] asked in
            content.reply(Asked(method: asked.method, target: asked.path, headers: asked.headers, body: []))
        }
        let server = try await TestServer.start { [content] asked in
            guard asked.authorization != nil else { return .status(401, [("WWW-Authenticate", #"Basic realm="r""#)]) }
            if asked.path.contains("/circle/") { return .status(307, [("Location", asked.target)]) }
            guard asked.path.contains("/blobs/") else { return content.reply(asked) }
            return .status(307, [("Location", "http://localhost:\(storage.port)\(asked.path)?signature=1")])
        }
        let fixture = try Fixture()
        let credentials = FixedCredentials(.password(user: "me", password: "p"), for: server.host)
        let pulled = try await fixture.pull("\(server.host)/x:1", credentials: credentials)
        #expect(fixture.file("f", of: pulled.image) == Array("content".utf8))
        #expect(storage.asked.count == 2)
        #expect(storage.asked.allSatisfy { $0.authorization == nil && $0.target.hasSuffix("?signature=1") })
        let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/circle:1", credentials: credentials)
        }
        #expect(error?.description == "pull \(server.host)/circle:1: more than 10 redirects")
        await server.stop()
        await storage.stop()
    }

    @Test("credentials for one registry go to no mirror; a mirror that has nothing, or is not there, does no harm")
    func mirrors() async throws {
        let mirror = try await TestServer.start { [content] asked in
            // It has the manifest and not the blobs.
            let path = asked.path.replacing("/v2/hub/", with: "/v2/")
            return path.contains("/manifests/1")
                ? content.reply(Asked(method: .GET, target: path, headers: [:], body: []))
                : .status(401, [("WWW-Authenticate", #"Basic realm="r""#)])
        }
        let own = try await TestServer.start { [content] asked in
            asked.authorization == nil ? .status(401, [("WWW-Authenticate", #"Basic realm="r""#)]) : content.reply(asked)
        }
        let dead = try await TestServer.start { _ in .status(404) }
        let deadHost = dead.host
        await dead.stop()
        var settings = RegistrySettings()
        var registry = RegistrySettings.Registry()
        registry.own = .init(location: "http://\(own.host)")
        registry.mirrors = [.init(location: "http://\(deadHost)"), .init(location: "http://\(mirror.host)/hub")]
        settings.registries["reg.example"] = registry
        let fixture = try Fixture()
        let pulled = try await fixture.pull(
            "reg.example/x:1", settings: settings, credentials: FixedCredentials(.password(user: "me", password: "p"), for: "reg.example"))
        #expect(pulled.image.names.first == "reg.example/x:1")
        #expect(mirror.asked.contains { $0.path == "/v2/hub/x/manifests/1" })
        #expect(mirror.asked.allSatisfy { $0.authorization == nil })
        #expect(own.asked.allSatisfy { $0.path.contains("/blobs/") })
        await mirror.stop()
        await own.stop()
    }

    @Test("a registry that speaks TLS may not send the password elsewhere without it")
    func downgrade() throws {
        let server = try #require(try Server.all(for: "reg.example", RegistrySettings()).last)
        let place = RegistryError.Place("pull", "x")
        for (realm, isFine) in [
            ("https://auth.example/t", true), ("http://auth.example/t", false), ("ftp://x", false), ("http://127.0.0.1:1/t", true),
        ] {
            let challenge = Challenge(scheme: "bearer", parameters: ["realm": realm])
            let made = try? TokenRealm(challenge, of: server, place)
            #expect((made != nil) == isFine, "\(realm)")
        }
    }

    @Test("tags come page by page; a page from elsewhere, or a name that is none, is refused")
    func tags() async throws {
        let server = try await TestServer.start { asked in
            switch asked.target {
            case "/v2/x/tags/list?n=1000":
                Reply(headers: [("Link", #"</v2/x/tags/list?last=b&n=1000>; rel="next""#)], body: Array(#"{"tags":["a","b"]}"#.utf8))
            case "/v2/x/tags/list?last=b&n=1000": .text(#"{"name":"x","tags":["c"]}"#)
            case "/v2/y/tags/list?n=1000": .text(#"{"tags":["../../x"]}"#)
            default: Reply(headers: [("Link", #"<http://other.example/v2/>; rel="next""#)], body: Array(#"{"tags":["a"]}"#.utf8))
            }
        }
        let host = server.host
        func tags(_ name: String) async throws(RegistryError) -> [String] {
            let reference = try Reference("\(host)/\(name)")
            return try await RegistryClient.with(RegistrySettings(), FixedCredentials(), patience: .short) {
                (client) throws(RegistryError) in
                try await client.tags(of: reference)
            }
        }
        #expect(try await tags("x") == ["a", "b", "c"])
        #expect(await failure { () throws(RegistryError) in try await tags("y") }?.description.contains("is no tag") == true)
        #expect(await failure { () throws(RegistryError) in try await tags("z") }?.description.contains("not on the same server") == true)
        await server.stop()
    }

    @Test("log in: Basic as it is, a refresh token in place of the password where there is one")
    func login() async throws {
        let auth = try await TestServer.start { asked in
            guard asked.authorization == "Basic \(Base64.encode(Array("me:secret".utf8)))", asked.target.contains("offline_token=true")
            else {
                return .status(401)
            }
            return .text(#"{"token":"t","refresh_token":"forever"}"#)
        }
        let realm = "http://\(auth.host)/token"
        let basic = try await TestServer.start { asked in
            asked.authorization == "Basic \(Base64.encode(Array("me:secret".utf8)))"
                ? .status(200) : .status(401, [("WWW-Authenticate", #"Basic realm="r""#)])
        }
        let bearer = try await TestServer.start { asked in asked.authorization == "Bearer t" ? .status(200) : Self.challenge(realm) }
        func login(_ host: String, _ password: String) async throws(RegistryError) -> Credentials {
            try await RegistryClient.with(RegistrySettings(), FixedCredentials(), patience: .short) { (client) throws(RegistryError) in
                try await client.check(user: "me", password: password, for: host)
            }
        }
        #expect(try await login(basic.host, "secret") == .password(user: "me", password: "secret"))
        #expect(try await login(bearer.host, "secret") == .identityToken("forever"))
        for host in [basic.host, bearer.host] {
            guard case .unauthorized? = await failure({ () throws(RegistryError) in try await login(host, "wrong") }) else {
                Issue.record("a wrong password was taken")
                continue
            }
        }
        await basic.stop()
        await bearer.stop()
        await auth.stop()
    }
}
