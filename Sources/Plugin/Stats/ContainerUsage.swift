package import Messages
package import SwiftProtobuf

/// What a container uses at one moment, from the shim's answer to Stats: containerd's metrics of cgroup version 1 or 2.
package struct ContainerUsage: Equatable, Sendable {
    /// Nanoseconds of processor time since its start.
    package var cpu: UInt64?
    package var cpuPressure: Runtime_V1_PsiStats?
    /// Bytes, page cache included.
    package var memory: UInt64?
    /// Without the part of the page cache that the kernel would give back first, as the kubelet and cadvisor count it.
    package var workingSet: UInt64?
    package var rss: UInt64?
    /// Nil: no limit.
    package var memoryLimit: UInt64?
    package var pageFaults: UInt64?
    package var majorPageFaults: UInt64?
    package var memoryPressure: Runtime_V1_PsiStats?
    package var swap: UInt64?
    package var swapLimit: UInt64?
    package var ioPressure: Runtime_V1_PsiStats?
    package var processes: UInt64?
    /// Kills by the kernel for want of memory.
    package var oomKills: UInt64?

    /// What both versions write where there is no limit is this, or a little less for the sake of whole pages.
    private static let unlimited: UInt64 = 1 << 62

    package init() {}

    /// Nil for a message of another kind.
    package init?(_ any: Google_Protobuf_Any) throws {
        switch any.typeURL.split(separator: "/").last {
        case "io.containerd.cgroups.v1.Metrics": self.init(try Io_Containerd_Cgroups_V1_Metrics(serializedBytes: any.value))
        case "io.containerd.cgroups.v2.Metrics": self.init(try Io_Containerd_Cgroups_V2_Metrics(serializedBytes: any.value))
        default: return nil
        }
    }

    package init(_ found: Io_Containerd_Cgroups_V1_Metrics) {
        if found.hasCpu { cpu = found.cpu.usage.total }
        if found.hasPids { processes = found.pids.current }
        if found.hasMemoryOomControl { oomKills = found.memoryOomControl.oomKill }
        guard found.hasMemory else { return }
        let memory = found.memory
        self.memory = memory.usage.usage
        workingSet = Self.less(memory.usage.usage, memory.totalInactiveFile)
        rss = memory.totalRss
        memoryLimit = Self.limit(memory.usage.limit)
        (pageFaults, majorPageFaults) = (memory.totalPgFault, memory.totalPgMajFault)
        // Version 1 counts memory and swap together.
        guard memory.hasSwap else { return }
        swap = Self.less(memory.swap.usage, memory.usage.usage)
        swapLimit = Self.limit(memory.swap.limit).map { Self.less($0, memoryLimit ?? 0) }
    }

    package init(_ found: Io_Containerd_Cgroups_V2_Metrics) {
        if found.hasCpu {
            cpu = found.cpu.usageUsec.multipliedReportingOverflow(by: 1000).partialValue
            if found.cpu.hasPsi { cpuPressure = Self.pressure(found.cpu.psi) }
        }
        if found.hasPids { processes = found.pids.current }
        if found.hasMemoryEvents { oomKills = found.memoryEvents.oomKill }
        if found.hasIo, found.io.hasPsi { ioPressure = Self.pressure(found.io.psi) }
        guard found.hasMemory else { return }
        let memory = found.memory
        self.memory = memory.usage
        workingSet = Self.less(memory.usage, memory.inactiveFile)
        rss = memory.anon
        memoryLimit = Self.limit(memory.usageLimit)
        (pageFaults, majorPageFaults) = (memory.pgfault, memory.pgmajfault)
        if memory.hasPsi { memoryPressure = Self.pressure(memory.psi) }
        swap = memory.swapUsage
        swapLimit = Self.limit(memory.swapLimit)
    }

    private static func less(_ whole: UInt64, _ part: UInt64) -> UInt64 { whole > part ? whole - part : 0 }

    private static func limit(_ value: UInt64) -> UInt64? { value == 0 || value >= unlimited ? nil : value }

    private static func pressure(_ found: Io_Containerd_Cgroups_V2_PSIStats) -> Runtime_V1_PsiStats {
        func line(_ found: Io_Containerd_Cgroups_V2_PSIData) -> Runtime_V1_PsiData {
            var data = Runtime_V1_PsiData()
            (data.total, data.avg10, data.avg60, data.avg300) = (found.total, found.avg10, found.avg60, found.avg300)
            return data
        }
        var stats = Runtime_V1_PsiStats()
        (stats.full, stats.some) = (line(found.full), line(found.some))
        return stats
    }
}

/// Processor time per time between two looks at a container.
package struct CPURate: Equatable, Sendable {
    /// Looks that are closer together say nothing.
    private static let shortest: UInt64 = 100_000_000

    private var time: UInt64 = 0
    private var cpu: UInt64 = 0
    /// Billionths of a processor; nil before the second look.
    package private(set) var nanoCores: UInt64?

    package init() {}

    /// Both in nanoseconds.
    package mutating func look(at now: UInt64, cpu used: UInt64) {
        guard now >= time + Self.shortest else { return }
        if time > 0, used >= cpu { nanoCores = UInt64(Double(used - cpu) / Double(now - time) * 1_000_000_000) }
        (time, cpu) = (now, used)
    }
}
