internal import Images
internal import Messages
internal import OCI
internal import TTRPC

/// What CRI asks about the node: versions, conditions, images.
struct NodeCalls: Sendable {
    static let runtimeName = "swiftletd"

    let site: Site

    func version(_ request: Runtime_V1_VersionRequest) -> Runtime_V1_VersionResponse {
        var answer = Runtime_V1_VersionResponse()
        answer.version = "0.1.0"
        answer.runtimeName = Self.runtimeName
        answer.runtimeVersion = swiftletVersion
        answer.runtimeApiVersion = "v1"
        return answer
    }

    func status(_ request: Runtime_V1_StatusRequest) async -> Runtime_V1_StatusResponse {
        var answer = Runtime_V1_StatusResponse()
        var runtime = Runtime_V1_RuntimeCondition()
        (runtime.type, runtime.status) = ("RuntimeReady", true)
        answer.status.conditions = [runtime, await networkCondition()]
        answer.runtimeHandlers = [Runtime_V1_RuntimeHandler()]
        answer.features.mountOptions = true
        if request.verbose { answer.info = ["root": "\"\(site.settings.root)\"", "state": "\"\(site.settings.state)\""] }
        return answer
    }

    private func networkCondition() async -> Runtime_V1_RuntimeCondition {
        if let networks = site.networks { return await networks.condition() }
        var network = Runtime_V1_RuntimeCondition()
        (network.type, network.status) = ("NetworkReady", true)
        network.message = "a pod has the node's network or a loopback interface only, as it was set"
        return network
    }

    func imageStatus(_ request: Runtime_V1_ImageStatusRequest) async throws -> Runtime_V1_ImageStatusResponse {
        let (store, reference) = (site.store, request.image.image)
        guard !reference.isEmpty else { throw PluginError.invalid(field: "image.image", reason: "is empty") }
        var answer = Runtime_V1_ImageStatusResponse()
        do throws(PluginError) {
            answer.image = Self.message(try await offPool { try store.image(reference) })
        } catch .store(.notFound, _) {
            // CRI: an image that is not there is an answer without image.
        }
        return answer
    }

    func listImages(_ request: Runtime_V1_ListImagesRequest) async throws -> Runtime_V1_ListImagesResponse {
        let (store, wanted) = (site.store, request.filter.image.image)
        var answer = Runtime_V1_ListImagesResponse()
        if wanted.isEmpty {
            answer.images = try await offPool { try store.images() }.map(Self.message)
        } else {
            var one = Runtime_V1_ImageStatusRequest()
            one.image.image = wanted
            let found = try await imageStatus(one)
            if found.hasImage { answer.images = [found.image] }
        }
        return answer
    }

    private static func message(_ image: ImageRecord) -> Runtime_V1_Image {
        var message = Runtime_V1_Image()
        message.id = image.id
        message.repoTags = image.names.filter { !$0.contains("@") }
        message.repoDigests = image.names.filter { $0.contains("@") }
        message.size = image.size
        // `uid[:gid]` or `name[:group]` (image-spec, config.md).
        let user = String(image.config.run.user.prefix { $0 != ":" })
        if let number = Int64(user) { message.uid.value = number } else { message.username = user }
        message.spec.image = image.names.first ?? image.id
        return message
    }
}
