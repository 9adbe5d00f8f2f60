internal import Images
internal import Logging
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
        answer.runtimeHandlers = ([""] + site.settings.runtimes.keys.sorted()).map(handler)
        answer.features.mountOptions = true
        answer.features.supplementalGroupsPolicy = true
        if request.verbose { answer.info = info }
        return answer
    }

    /// The empty name is the default: what does not say otherwise runs with the built-in executor.
    private func handler(_ name: String) -> Runtime_V1_RuntimeHandler {
        var handler = Runtime_V1_RuntimeHandler()
        handler.name = name
        handler.features.recursiveReadOnlyMounts = site.abilities.changesMountTrees
        handler.features.userNamespaces = site.abilities.mapsLayers && site.settings.runtimes[name] == nil
        return handler
    }

    /// JSON documents by name, for people.
    private var info: [String: String] {
        let abilities = site.abilities
        let config: JSON = [
            "root": .string(site.settings.root), "state": .string(site.settings.state), "socket": .string(site.settings.socket),
            "shim": .string(site.settings.shim), "cgroupDriver": .string(site.settings.cgroupDriver.rawValue),
            "cdiDirectories": .array(site.settings.cdiDirectories.map { .string($0) }),
        ]
        let node: JSON = [
            "cgroupVersion": .integer(abilities.hasUnifiedCgroups ? 2 : 1), "hugetlb": .bool(abilities.limitsHugePages),
            "apparmor": .bool(abilities.hasAppArmor), "selinux": .bool(abilities.hasSELinux),
            "recursiveReadOnlyMounts": .bool(abilities.changesMountTrees), "userNamespaces": .bool(abilities.mapsLayers),
        ]
        return ["config": config.text(), "node": node.text()]
    }

    /// Which way of naming cgroups a kubelet is to use.
    func runtimeConfig(_ request: Runtime_V1_RuntimeConfigRequest) -> Runtime_V1_RuntimeConfigResponse {
        var answer = Runtime_V1_RuntimeConfigResponse()
        answer.linux.cgroupDriver = site.settings.cgroupDriver == .systemd ? .systemd : .cgroupfs
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
            answer.image = message(try await offPool { try store.image(reference) })
        } catch .store(.notFound, _) {
            // CRI: an image that is not there is an answer without image.
        }
        return answer
    }

    func listImages(_ request: Runtime_V1_ListImagesRequest) async throws -> Runtime_V1_ListImagesResponse {
        let (store, wanted) = (site.store, request.filter.image.image)
        var answer = Runtime_V1_ListImagesResponse()
        if wanted.isEmpty {
            answer.images = try await offPool { try store.images() }.map(message)
        } else {
            var one = Runtime_V1_ImageStatusRequest()
            one.image.image = wanted
            let found = try await imageStatus(one)
            if found.hasImage { answer.images = [found.image] }
        }
        return answer
    }

    /// Also when the image is gone already.
    func removeImage(_ request: Runtime_V1_RemoveImageRequest) async throws -> Runtime_V1_RemoveImageResponse {
        let (store, reference) = (site.store, request.image.image)
        guard !reference.isEmpty else { throw PluginError.invalid(field: "image.image", reason: "is empty") }
        do throws(PluginError) {
            // All names of it: a kubelet that removes an image means the image.
            try await offPool { try store.removeImage(try store.image(reference).id) }
        } catch .store(.notFound, _) {
            site.logger.debug("image \(quoted(reference)) is gone already")
        }
        return Runtime_V1_RemoveImageResponse()
    }

    private func message(_ image: ImageRecord) -> Runtime_V1_Image {
        var message = Runtime_V1_Image()
        message.id = image.id
        message.repoTags = image.names.filter { !$0.contains("@") }
        message.repoDigests = image.names.filter { $0.contains("@") }
        message.size = image.size
        // `uid[:gid]` or `name[:group]` (image-spec, config.md).
        let user = String(image.config.run.user.prefix { $0 != ":" })
        if let number = Int64(user) { message.uid.value = number } else { message.username = user }
        message.spec.image = image.names.first ?? image.id
        message.pinned = !site.settings.pinnedImages.isDisjoint(with: [image.id] + image.names)
        return message
    }
}
