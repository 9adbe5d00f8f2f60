/// What Stats answers with, in the units of the kernel's files. Groups whose controller is off are nil.
package enum Metrics: Equatable, Sendable {
    case v1(MetricsV1)
    case v2(MetricsV2)
}

/// pids.current and pids.max; without a limit: 0 in v1 and `UInt64.max` in v2, as the readers of each expect.
package struct PidsMetrics: Equatable, Sendable {
    package var current: UInt64, limit: UInt64
    package init(current: UInt64, limit: UInt64) {
        self.current = current
        self.limit = limit
    }
}

/// One huge page size; `pageSize` as the kernel names it (`2MB`).
package struct HugetlbMetrics: Equatable, Sendable {
    package var pageSize: String
    package var usage: UInt64, max: UInt64, failures: UInt64
    package init(pageSize: String, usage: UInt64, max: UInt64, failures: UInt64) {
        self.pageSize = pageSize
        self.usage = usage
        self.max = max
        self.failures = failures
    }
}

package struct RdmaMetrics: Equatable, Sendable {
    package var device: String
    package var handles: UInt32, objects: UInt32
    package init(device: String, handles: UInt32, objects: UInt32) {
        self.device = device
        self.handles = handles
        self.objects = objects
    }
}

/// io.containerd.cgroups.v1.Metrics
package struct MetricsV1: Equatable, Sendable {
    /// cpuacct.* in nanoseconds, cpu.stat.
    package struct CPU: Equatable, Sendable {
        package var total: UInt64 = 0, kernel: UInt64 = 0, user: UInt64 = 0
        package var perCPU: [UInt64] = []
        package var periods: UInt64 = 0, throttledPeriods: UInt64 = 0, throttledTime: UInt64 = 0
        package init() {}
    }

    /// memory.limit_in_bytes and its neighbours.
    package struct MemoryEntry: Equatable, Sendable {
        package var limit: UInt64, usage: UInt64, max: UInt64, failures: UInt64
        package init(limit: UInt64, usage: UInt64, max: UInt64, failures: UInt64) {
            self.limit = limit
            self.usage = usage
            self.max = max
            self.failures = failures
        }
    }

    package struct Memory: Equatable, Sendable {
        /// The lines of memory.stat under the kernel's names.
        package var stat: [String: UInt64] = [:]
        package var usage: MemoryEntry?, swap: MemoryEntry?, kernel: MemoryEntry?, kernelTCP: MemoryEntry?
        package init() {}
    }

    /// memory.oom_control
    package struct OOM: Equatable, Sendable {
        package var killDisabled: UInt64, underOOM: UInt64, kills: UInt64
        package init(killDisabled: UInt64, underOOM: UInt64, kills: UInt64) {
            self.killDisabled = killDisabled
            self.underOOM = underOOM
            self.kills = kills
        }
    }

    /// One line of a blkio file.
    package struct BlockEntry: Equatable, Sendable {
        package var operation: String, device: String
        package var major: UInt64, minor: UInt64, value: UInt64
        package init(operation: String, device: String = "", major: UInt64, minor: UInt64, value: UInt64) {
            self.operation = operation
            self.device = device
            self.major = major
            self.minor = minor
            self.value = value
        }
    }

    package struct Block: Equatable, Sendable {
        package var serviceBytes: [BlockEntry] = [], serviced: [BlockEntry] = [], queued: [BlockEntry] = []
        package var serviceTime: [BlockEntry] = [], waitTime: [BlockEntry] = [], merged: [BlockEntry] = []
        package var time: [BlockEntry] = [], sectors: [BlockEntry] = []
        package init() {}
    }

    package var pids: PidsMetrics?
    package var cpu: CPU?
    package var memory: Memory?
    package var oom: OOM?
    package var block: Block?
    package var hugetlb: [HugetlbMetrics] = []
    package var rdmaCurrent: [RdmaMetrics] = [], rdmaLimit: [RdmaMetrics] = []
    package init() {}
}

/// io.containerd.cgroups.v2.Metrics
package struct MetricsV2: Equatable, Sendable {
    package struct Memory: Equatable, Sendable {
        /// The lines of memory.stat under the kernel's names.
        package var stat: [String: UInt64] = [:]
        package var usage: UInt64 = 0, usageLimit: UInt64 = 0, peak: UInt64 = 0
        package var swapUsage: UInt64 = 0, swapLimit: UInt64 = 0, swapPeak: UInt64 = 0
        package var pressure: Pressure?
        package init() {}
    }

    /// One line of a pressure file: shares in per cent, `total` in microseconds.
    package struct PressureLine: Equatable, Sendable {
        package var avg10: Double, avg60: Double, avg300: Double
        package var total: UInt64
        package init(avg10: Double, avg60: Double, avg300: Double, total: UInt64) {
            self.avg10 = avg10
            self.avg60 = avg60
            self.avg300 = avg300
            self.total = total
        }
    }

    package struct Pressure: Equatable, Sendable {
        package var some: PressureLine?, full: PressureLine?
        package init(some: PressureLine?, full: PressureLine?) {
            self.some = some
            self.full = full
        }
    }

    /// One line of io.stat.
    package struct IOEntry: Equatable, Sendable {
        package var major: UInt64, minor: UInt64
        package var readBytes: UInt64, writtenBytes: UInt64, reads: UInt64, writes: UInt64
        package init(major: UInt64, minor: UInt64, readBytes: UInt64, writtenBytes: UInt64, reads: UInt64, writes: UInt64) {
            self.major = major
            self.minor = minor
            self.readBytes = readBytes
            self.writtenBytes = writtenBytes
            self.reads = reads
            self.writes = writes
        }
    }

    package var pids: PidsMetrics?
    /// The lines of cpu.stat under the kernel's names (usage_usec, nr_periods, …).
    package var cpu: [String: UInt64]?
    package var cpuPressure: Pressure?
    package var memory: Memory?
    /// The lines of memory.events.
    package var memoryEvents: [String: UInt64]?
    package var io: [IOEntry] = []
    package var ioPressure: Pressure?
    package var hugetlb: [HugetlbMetrics] = []
    package var rdmaCurrent: [RdmaMetrics] = [], rdmaLimit: [RdmaMetrics] = []
    package init() {}
}
