internal import Glibc
internal import LinuxSys
internal import Logging
internal import Messages
internal import OCI
internal import Synchronization

/// The networks of this node's pods. Calls about one pod come one after the other (from the pod's actor); those of different pods run at
/// the same time, as CNI allows.
final class PodNetworks: Sendable {
    let directory: NetworkDirectory
    let runner: PluginRunner
    private let cache: NetworkCache
    private let logger: Logger
    /// From UpdateRuntimeConfig.
    private let subnets = Mutex<[String]>([])
    /// Plugins that were asked for their version, by path and change time of the file.
    let versions = Mutex<[String: Set<CNIVersion>]>([:])

    init(_ settings: PluginSettings, logger: Logger) {
        directory = NetworkDirectory(path: settings.networkConfig)
        runner = PluginRunner(path: settings.networkPlugins, deadline: settings.networkDeadline)
        cache = NetworkCache(directory: settings.root + "/networks")
        self.logger = logger
    }

    /// What UpdateRuntimeConfig says: subnets for the node's pods, separated by commas. Goes to plugins that take `ipRanges`.
    func setPodSubnets(_ text: String) throws(NetworkError) {
        let all = text.split(separator: ",").map(String.init)
        for subnet in all where !IPAddress.isSubnet(subnet) {
            throw .invalid(field: "runtime_config.network_config.pod_cidr", reason: "\(quoted(subnet)) is no subnet")
        }
        subnets.withLock { $0 = all }
    }

    /// ADD through the whole list. Returns the pod's addresses. What fails is deleted again, as far as it came.
    func add(_ id: String, _ config: Runtime_V1_PodSandboxConfig, namespace: String) async throws(NetworkError) -> [String] {
        let list = try directory.list()
        let request = try NetworkRequest(config, podSubnets: subnets.withLock(\.self))
        try request.check(list)
        for plugin in list.plugins { _ = try runner.program(plugin.type) }
        let metadata = config.metadata
        let attachment = NetworkAttachment(
            container: id, namespace: namespace,
            arguments: [
                ["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", metadata.namespace], ["K8S_POD_NAME", metadata.name],
                ["K8S_POD_INFRA_CONTAINER_ID", id], ["K8S_POD_UID", metadata.uid],
            ])
        var entry = NetworkCache.Entry(list: list, attachment: attachment, capabilities: request.capabilities, result: nil)
        do throws(NetworkError) {
            // Before the first plugin: a crash in the middle leaves something that is known and can be deleted.
            try save(entry)
            let result = try await chain(entry)
            entry.result = result.document
            try save(entry)
            return result.addresses
        } catch {
            do throws(NetworkError) { try await delete(entry) } catch { logger.warning("undo network of pod sandbox \(id): \(error)") }
            throw error
        }
    }

    private func chain(_ entry: NetworkCache.Entry) async throws(NetworkError) -> NetworkResult {
        var previous: JSON?
        for plugin in entry.list.plugins { previous = try await run(.add, plugin, entry, previous: previous) }
        guard let document = previous, let last = entry.list.plugins.last else {
            throw .answer(.add, type: "", network: entry.list.name, reason: "there is none")
        }
        do throws(FieldError) { return try NetworkResult(document) } catch {
            throw .answer(.add, type: last.type, network: entry.list.name, reason: "\(error)")
        }
    }

    private func run(_ verb: CNIVerb, _ plugin: NetworkList.Plugin, _ entry: NetworkCache.Entry, previous: JSON?) async throws(NetworkError)
        -> JSON
    {
        var request = JSONObject()
        for member in entry.capabilities.members where plugin.capabilities.contains(member.name) { request[member.name] = member.value }
        return try await runner.run(
            PluginCall(
                verb, plugin, of: entry.list, for: entry.attachment, request.members.isEmpty ? nil : request, previous: previous,
                path: runner.path))
    }

    /// DEL of whatever is remembered of the pod, from the last plugin to the first. Nothing remembered is done already.
    func delete(_ id: String) async throws(NetworkError) {
        for entry in try cache.entries(of: id) { try await delete(entry) }
    }

    private func delete(_ entry: NetworkCache.Entry) async throws(NetworkError) {
        var entry = entry
        // After a reboot the namespace is gone: the plugins then free what they keep elsewhere (CNI, "DEL").
        if !SharedNamespaces.isPinned(at: entry.attachment.namespace) { entry.attachment.namespace = "" }
        // From 0.4 on DEL gets the result of ADD.
        let previous = entry.list.version.hasCheck ? entry.result : nil
        for plugin in entry.list.plugins.reversed() { _ = try await run(.del, plugin, entry, previous: previous) }
        do throws(SysError) { try cache.remove(entry) } catch { throw .kernel(error) }
    }

    /// CHECK: throws what a plugin finds wrong. False: the network cannot be checked (an old version, or its administrator's wish).
    func check(_ id: String) async throws(NetworkError) -> Bool {
        guard let entry = try cache.entries(of: id).first, let result = entry.result else { return false }
        guard entry.list.version.hasCheck, !entry.list.disableCheck else { return false }
        for plugin in entry.list.plugins { _ = try await run(.check, plugin, entry, previous: result) }
        return true
    }

    /// The result of the pod's ADD, for those who want to see all of it.
    func result(_ id: String) throws(NetworkError) -> JSON? { try cache.entries(of: id).first?.result }

    /// At the start: deletes the attachments of pods that are not there any more, and tells plugins of 1.1 which are.
    func collectGarbage(keeping pods: Set<String>) async {
        do throws(NetworkError) {
            var valid: [NetworkAttachment] = []
            for entry in try cache.entries() {
                if pods.contains(entry.attachment.container) {
                    valid.append(entry.attachment)
                    continue
                }
                do throws(NetworkError) { try await delete(entry) } catch {
                    logger.warning("network of pod sandbox \(entry.attachment.container), which is gone: \(error)")
                    valid.append(entry.attachment)
                }
            }
            let list: NetworkList
            do throws(NetworkError) { list = try directory.list() } catch { return logger.debug("\(error)") }
            guard list.version.hasStatus, !list.disableGC else { return }
            for plugin in list.plugins { _ = try await runner.run(PluginCall(.gc, plugin, of: list, valid: valid, path: runner.path)) }
        } catch {
            logger.warning("collect network garbage: \(error)")
        }
    }

    private func save(_ entry: NetworkCache.Entry) throws(NetworkError) {
        do throws(SysError) { try cache.save(entry) } catch { throw .kernel(error) }
    }
}
