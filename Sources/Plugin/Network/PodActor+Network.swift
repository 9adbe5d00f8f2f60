internal import Logging
internal import Messages
internal import OCI

extension PodActor {
    /// Gives a new pod its addresses. When it throws nothing of the network is left.
    func joinNetwork() async throws(PluginError) {
        guard plan.network == .pod else { return }
        guard let networks = site.networks else {
            if let port = memory.config.portMappings.first(where: { $0.hostPort > 0 }) {
                throw .unsupported(field: "config.port_mappings", what: "host port \(port.hostPort) on a node whose pods have no network")
            }
            return
        }
        do throws(NetworkError) {
            memory.addresses = try await networks.add(id, memory.config, namespace: paths.network)
        } catch {
            throw PluginError(error)
        }
    }

    /// Idempotent. Before the namespaces go: plugins take their interfaces out of them.
    func leaveNetwork() async throws(PluginError) {
        guard plan.network == .pod, let networks = site.networks else { return }
        do throws(NetworkError) { try await networks.delete(id) } catch { throw PluginError(error) }
    }

    /// For a verbose status: what the last plugin answered, and what the plugins find wrong with it now.
    func networkInfo() async -> [String: String] {
        guard plan.network == .pod, let networks = site.networks else { return [:] }
        var info: [String: String] = [:]
        do throws(NetworkError) {
            if let result = try networks.result(id) { info["cniResult"] = result.text() }
            if try await networks.check(id) { info["networkCheck"] = "\"ok\"" }
        } catch {
            info["networkCheck"] = JSON.string(error.description).text()
        }
        return info
    }
}
