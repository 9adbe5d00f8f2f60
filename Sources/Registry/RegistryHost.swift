/// A registry as people name it: `host[:port]`, also with a scheme before or a path behind.
package struct RegistryHost: Equatable, Sendable {
    package let name: String

    package init(_ text: String) throws(RegistryError) {
        let host = DockerConfig.host(ofKey: text).lowercased()
        guard WebAddress.split(authority: host) != nil else { throw .reference(text, reason: "not the name of a registry (host[:port])") }
        name = host
    }
}
