internal import Cgroups
internal import Executor
internal import TaskAPI

extension Container {
    func stats() throws(TaskError) -> TaskReply {
        guard !cgroupPaths.entries.isEmpty else { throw .wrongPhase("stats of \(id)", "it has no cgroup") }
        do throws(CgroupError) {
            let found = try cgroup.statistics()
            return .stats(found.isUnified ? .v2(MetricsV2(found)) : .v1(MetricsV1(found)))
        } catch { throw .invalid("stats of \(id)", error.description) }
    }
}

extension MetricsV1 {
    init(_ found: CgroupStatistics) {
        self.init()
        pids = found.pids.map { PidsMetrics(current: $0.current, limit: $0.limit ?? 0) }
        cpu = found.cpu.map(CPU.init)
        memory = found.memory.map(Memory.init)
        oom = found.memory.map {
            OOM(killDisabled: $0.events["oom_kill_disable"], underOOM: $0.events["under_oom"], kills: $0.events["oom_kill"])
        }
        block = found.io.map {
            var block = Block()
            block.serviceBytes = $0.bytes.map(BlockEntry.init)
            block.serviced = $0.operations.map(BlockEntry.init)
            block.queued = $0.queued.map(BlockEntry.init)
            block.serviceTime = $0.serviceTime.map(BlockEntry.init)
            block.waitTime = $0.waitTime.map(BlockEntry.init)
            block.merged = $0.merged.map(BlockEntry.init)
            block.time = $0.time.map(BlockEntry.init)
            block.sectors = $0.sectors.map(BlockEntry.init)
            return block
        }
        hugetlb = found.hugetlb.map(HugetlbMetrics.init)
        rdmaCurrent = found.rdma.map(RdmaMetrics.init)
        rdmaLimit = found.rdmaLimits.map(RdmaMetrics.init)
    }
}

extension RdmaMetrics {
    init(_ found: CgroupStatistics.Rdma) {
        self.init(device: found.device, handles: UInt32(clamping: found.handles), objects: UInt32(clamping: found.objects))
    }
}

extension MetricsV2.Pressure {
    init(_ found: CgroupStatistics.Pressure) {
        func line(_ found: CgroupStatistics.Pressure.Line) -> MetricsV2.PressureLine {
            .init(avg10: found.avg10, avg60: found.avg60, avg300: found.avg300, total: found.total)
        }
        self.init(some: found.some.map(line), full: found.full.map(line))
    }
}

extension MetricsV1.CPU {
    init(_ found: CgroupStatistics.CPU) {
        self.init()
        total = found.total
        kernel = found.kernel
        user = found.user
        perCPU = found.perCPU
        periods = found.throttling["nr_periods"]
        throttledPeriods = found.throttling["nr_throttled"]
        throttledTime = found.throttling["throttled_time"]
    }
}

extension MetricsV1.Memory {
    init(_ found: CgroupStatistics.Memory) {
        self.init()
        stat = found.stat.values
        usage = .init(found.usage)
        swap = .init(found.swap)
        kernel = .init(found.kernel)
        kernelTCP = .init(found.kernelTCP)
    }
}

extension MetricsV1.MemoryEntry {
    init(_ found: CgroupStatistics.Amount) {
        self.init(limit: found.limit, usage: found.usage, max: found.peak, failures: found.failures)
    }
}

extension MetricsV1.BlockEntry {
    init(_ found: CgroupStatistics.IOEntry) {
        self.init(operation: found.operation, major: found.major, minor: found.minor, value: found.value)
    }
}

extension HugetlbMetrics {
    init(_ found: CgroupStatistics.Hugetlb) {
        self.init(pageSize: found.pageSize, usage: found.amount.usage, max: found.amount.peak, failures: found.amount.failures)
    }
}

extension MetricsV2 {
    init(_ found: CgroupStatistics) {
        self.init()
        pids = found.pids.map { PidsMetrics(current: $0.current, limit: $0.limit ?? .max) }
        cpu = found.cpu.map { $0.throttling.values }
        cpuPressure = found.cpu?.pressure.map(Pressure.init)
        ioPressure = found.io?.pressure.map(Pressure.init)
        rdmaCurrent = found.rdma.map(RdmaMetrics.init)
        rdmaLimit = found.rdmaLimits.map(RdmaMetrics.init)
        memory = found.memory.map {
            var memory = Memory()
            memory.stat = $0.stat.values
            memory.usage = $0.usage.usage
            memory.usageLimit = $0.usage.limit
            memory.peak = $0.usage.peak
            memory.swapUsage = $0.swap.usage
            memory.swapLimit = $0.swap.limit
            memory.swapPeak = $0.swap.peak
            memory.pressure = $0.pressure.map(Pressure.init)
            return memory
        }
        memoryEvents = found.memory.map { $0.events.values }
        io = found.io.map { IOEntry.all($0.bytes) } ?? []
        hugetlb = found.hugetlb.map {
            HugetlbMetrics(pageSize: $0.pageSize, usage: $0.amount.usage, max: $0.amount.limit, failures: $0.amount.failures)
        }
    }
}

extension MetricsV2.IOEntry {
    /// One entry a device from one line a number.
    static func all(_ lines: [CgroupStatistics.IOEntry]) -> [MetricsV2.IOEntry] {
        var result: [MetricsV2.IOEntry] = []
        for line in lines {
            let place = result.firstIndex { $0.major == line.major && $0.minor == line.minor } ?? result.endIndex
            if place == result.endIndex {
                result.append(.init(major: line.major, minor: line.minor, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0))
            }
            switch line.operation {
            case "rbytes": result[place].readBytes = line.value
            case "wbytes": result[place].writtenBytes = line.value
            case "rios": result[place].reads = line.value
            case "wios": result[place].writes = line.value
            default: break  // discards have no field in containerd's message
            }
        }
        return result
    }
}
