package import Images
package import Messages

/// CRI's messages about what containers use, from the numbers. Times are nanoseconds since 1970.
extension Runtime_V1_UInt64Value {
    package init(_ value: UInt64) {
        self.init()
        self.value = value
    }
}

extension Runtime_V1_CpuUsage {
    package init(_ usage: ContainerUsage, nanoCores: UInt64?, at time: Int64) {
        self.init()
        timestamp = time
        if let cpu = usage.cpu { usageCoreNanoSeconds = .init(cpu) }
        if let nanoCores { usageNanoCores = .init(nanoCores) }
        if let pressure = usage.cpuPressure { psi = pressure }
    }
}

extension Runtime_V1_MemoryUsage {
    package init(_ usage: ContainerUsage, at time: Int64) {
        self.init()
        timestamp = time
        if let bytes = usage.workingSet { workingSetBytes = .init(bytes) }
        // As the kubelet has it: nothing is said where there is no limit.
        if let limit = usage.memoryLimit, let set = usage.workingSet { availableBytes = .init(limit > set ? limit - set : 0) }
        if let bytes = usage.memory { usageBytes = .init(bytes) }
        if let bytes = usage.rss { rssBytes = .init(bytes) }
        if let count = usage.pageFaults { pageFaults = .init(count) }
        if let count = usage.majorPageFaults { majorPageFaults = .init(count) }
        if let pressure = usage.memoryPressure { psi = pressure }
    }
}

extension Runtime_V1_SwapUsage {
    package init(_ usage: ContainerUsage, at time: Int64) {
        self.init()
        timestamp = time
        if let bytes = usage.swap { swapUsageBytes = .init(bytes) }
        if let limit = usage.swapLimit, let bytes = usage.swap { swapAvailableBytes = .init(limit > bytes ? limit - bytes : 0) }
    }
}

extension Runtime_V1_FilesystemUsage {
    package init(_ usage: TreeUsage, mountpoint: String, at time: Int64) {
        self.init()
        timestamp = time
        fsID.mountpoint = mountpoint
        usedBytes = .init(usage.bytes)
        inodesUsed = .init(usage.inodes)
    }
}

extension Runtime_V1_ContainerStats {
    /// `usage` is nil for a container that does not run.
    init(
        _ status: Runtime_V1_ContainerStatus, _ usage: ContainerUsage?, nanoCores: UInt64?, written: TreeUsage, mountpoint: String,
        at time: Int64
    ) {
        self.init()
        attributes.id = status.id
        attributes.metadata = status.metadata
        attributes.labels = status.labels
        attributes.annotations = status.annotations
        writableLayer = .init(written, mountpoint: mountpoint, at: time)
        guard let usage else { return }
        cpu = .init(usage, nanoCores: nanoCores, at: time)
        memory = .init(usage, at: time)
        swap = .init(usage, at: time)
        io.timestamp = time
        if let pressure = usage.ioPressure { io.psi = pressure }
    }
}

extension ContainerUsage {
    /// Of several containers together: what is unknown of one is unknown of all. The limits and pressures of parts say nothing of the whole.
    package init(sum parts: [ContainerUsage]) {
        func sum(_ value: (ContainerUsage) -> UInt64?) -> UInt64? {
            parts.reduce(UInt64?.some(0)) { total, part in
                guard let total, let more = value(part) else { return nil }
                return total &+ more
            }
        }
        self.init()
        (cpu, memory, workingSet, rss) = (sum { $0.cpu }, sum { $0.memory }, sum { $0.workingSet }, sum { $0.rss })
        (pageFaults, majorPageFaults) = (sum { $0.pageFaults }, sum { $0.majorPageFaults })
        (swap, processes) = (sum { $0.swap }, sum { $0.processes })
    }
}
