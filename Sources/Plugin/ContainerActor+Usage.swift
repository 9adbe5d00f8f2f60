internal import Images
internal import LinuxSys
internal import Messages

/// What a container uses.
struct ContainerSample: Sendable {
    let status: Runtime_V1_ContainerStatus
    /// Nil when it does not run.
    let usage: ContainerUsage?
    let nanoCores: UInt64?
    let written: TreeUsage
    /// Nanoseconds since 1970.
    let time: Int64

    func message(mountpoint: String) -> Runtime_V1_ContainerStats {
        Runtime_V1_ContainerStats(status, usage, nanoCores: nanoCores, written: written, mountpoint: mountpoint, at: time)
    }
}

extension ContainerActor {
    /// Nanoseconds for which a count of what the container has written is good enough: counting reads its whole tree.
    private static let countLasts: UInt64 = 10_000_000_000

    func sample() async throws(PluginError) -> ContainerSample {
        var usage: ContainerUsage?
        if case .running = memory.life, let shim { usage = try await used(shim) }
        if let cpu = usage?.cpu { cpuRate.look(at: monotonicNanoseconds(), cpu: cpu) }
        let written = try await written()
        return ContainerSample(
            status: entry.status, usage: usage, nanoCores: usage == nil ? nil : cpuRate.nanoCores, written: written,
            time: Int64(clamping: realtimeNanoseconds()))
    }

    /// Nil when it has just ended.
    private func used(_ shim: ShimLink) async throws(PluginError) -> ContainerUsage? {
        do throws(PluginError) { return try await shim.stats() } catch {
            if memory.life.exit != nil || isGone { return nil }
            throw error
        }
    }

    private func written() async throws(PluginError) -> TreeUsage {
        let now = monotonicNanoseconds()
        if let known = lastCount, now < known.time + Self.countLasts { return known.usage }
        let (store, id) = (site.store, id)
        let usage = try await offPool { try store.writtenUsage(container: id) }
        lastCount = (now, usage)
        return usage
    }
}
