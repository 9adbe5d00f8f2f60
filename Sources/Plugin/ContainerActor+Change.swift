internal import Glibc
internal import Images
internal import LinuxSys
package import Messages
internal import OCI

/// What is changed of a container while it is there.
extension ContainerActor {
    /// New limits; what is not said (zero, empty) stays as it is.
    func update(_ wanted: Runtime_V1_LinuxContainerResources, _ abilities: NodeAbilities) async throws {
        try await order.run { try await self.updateInOrder(wanted, abilities) }
    }

    private func updateInOrder(_ wanted: Runtime_V1_LinuxContainerResources, _ abilities: NodeAbilities) async throws(PluginError) {
        let limits = try ResourceRequest(wanted, field: "linux", abilities)
        guard !isGone else { throw .notFound(.container, id) }
        guard memory.life.exit == nil, let shim else {
            throw .wrongState(.container, id, wanted: "created or running", found: memory.life.name)
        }
        guard wanted.oomScoreAdj == 0 || wanted.oomScoreAdj == memory.config.linux.resources.oomScoreAdj else {
            throw .unsupported(field: "linux.oom_score_adj", what: "a new score of a container that is made")
        }
        try await shim.update(limits.limits)
        memory.config.linux.resources.take(wanted)
        try await save()
        show()
    }

    func reopenLog() async throws(PluginError) {
        guard !memory.logPath.isEmpty else { throw .invalid(field: "container_id", reason: "container \(id) has no log") }
        try await runningShim().reopenLogs()
    }

    /// criu's images and what the container was made of, as a tar archive at `location`. The container goes on.
    func checkpoint(to location: String, timeout: Duration) async throws {
        guard isCleanPath(location) else { throw PluginError.invalid(field: "location", reason: "must be absolute, without ..") }
        let shim = try runningShim()
        let work = "\(site.settings.state)/checkpoints/\(Identifier.make().prefix(16))"
        let (bundle, state) = (record.bundle, try memory.json())
        try await offPool { try Directory.make("\(work)/images", mode: 0o700) }
        do {
            try await shim.checkpoint(to: "\(work)/images", timeout: timeout)
            try await offPool {
                let file = try FD.open("\(work)/container.json", O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(state.encoded(pretty: true))
                try FileArchive.write(
                    [.init("config.json", at: "\(bundle)/config.json"), .init("container.json", at: "\(work)/container.json")]
                        + FileArchive.members(of: "\(work)/images", below: "checkpoint"), to: location)
            }
        } catch {
            try? await offPool { try Directory.removeTree(work) }
            throw error
        }
        try await offPool { try Directory.removeTree(work) }
    }
}

extension Runtime_V1_LinuxContainerResources {
    /// What `other` says; where it says nothing this stays.
    package mutating func take(_ other: Runtime_V1_LinuxContainerResources) {
        if other.cpuPeriod != 0 { cpuPeriod = other.cpuPeriod }
        if other.cpuQuota != 0 { cpuQuota = other.cpuQuota }
        if other.cpuShares != 0 { cpuShares = other.cpuShares }
        if other.memoryLimitInBytes != 0 { memoryLimitInBytes = other.memoryLimitInBytes }
        if other.memorySwapLimitInBytes != 0 { memorySwapLimitInBytes = other.memorySwapLimitInBytes }
        if !other.cpusetCpus.isEmpty { cpusetCpus = other.cpusetCpus }
        if !other.cpusetMems.isEmpty { cpusetMems = other.cpusetMems }
        if !other.hugepageLimits.isEmpty { hugepageLimits = other.hugepageLimits }
        unified.merge(other.unified) { $1 }
    }
}
