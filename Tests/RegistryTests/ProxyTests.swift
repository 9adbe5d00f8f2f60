import Testing

@testable import Registry

@Suite("proxies of the environment")
struct ProxyTests {
    private func proxies(_ variables: [String: String]) throws(RegistryError) -> Proxies { try Proxies { variables[$0] } }

    private func goes(_ proxies: Proxies, _ address: String) throws -> Bool {
        proxies.proxy(for: try #require(WebAddress(address))) != nil
    }

    @Test("each scheme has its own, small letters come first, and a user may be in the address")
    func schemes() throws {
        let both = try proxies([
            "https_proxy": "http://a%3Ab:c@proxy.example:3128/", "HTTPS_PROXY": "other", "HTTP_PROXY": "socks5://10.0.0.1",
        ])
        let secureAddress = try #require(WebAddress("https://reg.example/v2/"))
        let secure = try #require(both.proxy(for: secureAddress))
        #expect(secure == Proxies.Proxy(kind: .http, host: "proxy.example", port: 3128, user: "a:b", password: "c"))
        let plainAddress = try #require(WebAddress("http://reg.example/v2/"))
        let plain = try #require(both.proxy(for: plainAddress))
        #expect(plain == Proxies.Proxy(kind: .socks5, host: "10.0.0.1", port: 1080, user: nil, password: nil))
        #expect(throws: RegistryError.self) { try proxies(["https_proxy": "ftp://x"]) }
        #expect(try proxies([:]) == .none)
    }

    @Test("exceptions by name, by what is below a name, by port, by address and by network")
    func exceptions() throws {
        let some = try proxies([
            "https_proxy": "p:1",
            "no_proxy": "example.org, .below.net,*.star.net,port.io:5000, 10.1.0.0/16,192.0.2.7,2001:db8::/32,[fd00::1]:443",
        ])
        for (address, expected) in [
            ("https://example.org/", false), ("https://a.example.org/", false), ("https://notexample.org/", true),
            ("https://below.net/", true),
            ("https://a.below.net/", false), ("https://star.net/", true), ("https://b.star.net/", false), ("https://port.io:5000/", false),
            ("https://port.io/", true), ("https://10.1.200.3/", false), ("https://10.2.0.1/", true), ("https://192.0.2.7:8443/", false),
            ("https://[2001:db8::5]/", false), ("https://[fd00::1]/", false), ("https://[fd00::1]:444/", true),
            ("https://localhost/", false),
            ("https://127.0.0.9:5000/", false),
        ] { #expect(try goes(some, address) == expected, "\(address)") }
        #expect(try !goes(proxies(["https_proxy": "p:1", "NO_PROXY": "*"]), "https://example.org/"))
    }
}
