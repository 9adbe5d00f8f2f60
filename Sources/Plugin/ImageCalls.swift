internal import Images
internal import Logging
internal import Messages
internal import OCI
internal import Registry
internal import TTRPC

/// What CRI asks of images that are to come.
struct ImageCalls: Sendable {
    let site: Site

    /// Answers with the image's id, by which containers are made of just what was pulled.
    func pull(_ request: Runtime_V1_PullImageRequest) async throws -> Runtime_V1_PullImageResponse {
        guard !request.image.image.isEmpty else { throw PluginError.invalid(field: "image.image", reason: "is empty") }
        do throws(RegistryError) {
            let reference = try Reference(request.image.image)
            let settings = try RegistrySettings(file: site.settings.registries)
            let pulled = try await RegistryClient.with(settings, try Self.credentials(request.auth, for: reference)) {
                (client) throws(RegistryError) in try await Pull(reference, client: client, store: site.store).run()
            }
            site.logger.info("pulled \(reference): \(pulled.digest), \(pulled.fetched) of \(pulled.layers) layers fetched")
            var answer = Runtime_V1_PullImageResponse()
            answer.imageRef = pulled.image.id
            return answer
        } catch {
            throw PluginError(error)
        }
    }

    /// What came with the call, for the registry that it is meant for; never the node's own.
    private static func credentials(_ auth: Runtime_V1_AuthConfig, for reference: Reference) throws(RegistryError) -> FixedCredentials {
        if !auth.serverAddress.isEmpty, try RegistryHost(auth.serverAddress).name != reference.host { return FixedCredentials() }
        let fields = Credentials.Fields(
            user: auth.username, password: auth.password, auth: auth.auth, identityToken: auth.identityToken,
            registryToken: auth.registryToken)
        return try fields.credentials.map { FixedCredentials($0, for: reference.host) } ?? FixedCredentials()
    }
}
