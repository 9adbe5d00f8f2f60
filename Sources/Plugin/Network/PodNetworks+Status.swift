internal import Glibc
internal import LinuxSys
internal import Messages
internal import OCI
internal import Synchronization

extension PodNetworks {
    /// Why pods cannot be given a network now; nil: they can. Asks the plugins (VERSION once for each program, STATUS each time).
    func problem() async -> NetworkError? {
        do throws(NetworkError) {
            let list = try directory.list()
            for plugin in list.plugins {
                let known = try await supportedVersions(plugin, list)
                guard known.contains(list.version) else {
                    throw .plugin(
                        .version, type: plugin.type, network: list.name, code: nil,
                        message: "cniVersion \(list.version) is not among those that it supports")
                }
                guard list.version.hasStatus else { continue }
                _ = try await runner.run(PluginCall(.status, plugin, of: list, valid: [], path: runner.path))
            }
            return nil
        } catch {
            return error
        }
    }

    private func supportedVersions(_ plugin: NetworkList.Plugin, _ list: NetworkList) async throws(NetworkError) -> Set<CNIVersion> {
        let program = try runner.program(plugin.type)
        var found = stat()
        do throws(SysError) { try checkErrno("stat", on: program) { unsafe stat(program, &found) } } catch { throw .kernel(error) }
        let key = "\(program) \(found.st_ino) \(found.st_size) \(found.st_mtim.tv_sec).\(found.st_mtim.tv_nsec)"
        if let known = versions.withLock({ $0[key] }) { return known }
        let answer = try await runner.run(PluginCall(versionOf: plugin, of: list, path: runner.path))
        let texts: [String]
        do throws(FieldError) { texts = try JSONField(answer).member("supportedVersions").strings() } catch {
            throw .answer(.version, type: plugin.type, network: list.name, reason: "\(error)")
        }
        let known = Set(texts.compactMap { CNIVersion($0) })
        versions.withLock { $0[key] = known }
        return known
    }

    /// CRI's condition.
    func condition() async -> Runtime_V1_RuntimeCondition {
        var condition = Runtime_V1_RuntimeCondition()
        condition.type = "NetworkReady"
        if let problem = await problem() {
            (condition.status, condition.reason, condition.message) = (false, "NetworkPluginNotReady", problem.description)
        } else {
            condition.status = true
        }
        return condition
    }
}
