internal import CTaskProto

extension Metrics {
    package var any: AnyValue {
        switch self {
        case .v1(let metrics): AnyValue(typeURL: "io.containerd.cgroups.v1.Metrics", value: metrics.encoded)
        case .v2(let metrics): AnyValue(typeURL: "io.containerd.cgroups.v2.Metrics", value: metrics.encoded)
        }
    }
}

extension MetricsV2 {
    var encoded: [UInt8] {
        unsafe encode(io__containerd__cgroups__v2__metrics__init) { message, arena in
            if let pids {
                unsafe message.pids = unsafe arena.message(io__containerd__cgroups__v2__pids_stat__init) {
                    unsafe $0.current = pids.current
                    unsafe $0.limit = pids.limit
                }
            }
            if let cpu { unsafe message.cpu = unsafe arena.cpu(cpu, cpuPressure) }
            if let memory { unsafe message.memory = unsafe arena.memory(memory) }
            if let memoryEvents { unsafe message.memory_events = unsafe arena.events(memoryEvents) }
            if !io.isEmpty || ioPressure != nil { unsafe message.io = unsafe arena.io(io, ioPressure) }
            unsafe message.n_hugetlb = hugetlb.count
            unsafe message.hugetlb = unsafe arena.messages(hugetlb, io__containerd__cgroups__v2__huge_tlb_stat__init) {
                unsafe $0.current = $1.usage
                unsafe $0.max = $1.max
                unsafe $0.pagesize = unsafe arena.string($1.pageSize)
                unsafe $0.failcnt = $1.failures
            }
            guard !rdmaCurrent.isEmpty || !rdmaLimit.isEmpty else { return }
            unsafe message.rdma = unsafe arena.message(io__containerd__cgroups__v2__rdma_stat__init) {
                unsafe $0.n_current = rdmaCurrent.count
                unsafe $0.current = unsafe arena.rdma(rdmaCurrent)
                unsafe $0.n_limit = rdmaLimit.count
                unsafe $0.limit = unsafe arena.rdma(rdmaLimit)
            }
        }
    }
}

extension Arena {
    fileprivate func cpu(
        _ cpu: [String: UInt64], _ pressure: MetricsV2.Pressure?
    ) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__CPUStat> {
        unsafe message(io__containerd__cgroups__v2__cpustat__init) {
            unsafe $0.usage_usec = cpu["usage_usec"] ?? 0
            unsafe $0.user_usec = cpu["user_usec"] ?? 0
            unsafe $0.system_usec = cpu["system_usec"] ?? 0
            unsafe $0.nr_periods = cpu["nr_periods"] ?? 0
            unsafe $0.nr_throttled = cpu["nr_throttled"] ?? 0
            unsafe $0.throttled_usec = cpu["throttled_usec"] ?? 0
            unsafe $0.nr_bursts = cpu["nr_bursts"] ?? 0
            unsafe $0.burst_usec = cpu["burst_usec"] ?? 0
            unsafe $0.psi = unsafe self.pressure(pressure)
        }
    }

    fileprivate func memory(_ memory: MetricsV2.Memory) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__MemoryStat> {
        unsafe message(io__containerd__cgroups__v2__memory_stat__init) {
            unsafe $0.setSizes(memory.stat)
            unsafe $0.setCounts(memory.stat)
            unsafe $0.usage = memory.usage
            unsafe $0.usage_limit = memory.usageLimit
            unsafe $0.max_usage = memory.peak
            unsafe $0.swap_usage = memory.swapUsage
            unsafe $0.swap_limit = memory.swapLimit
            unsafe $0.swap_max_usage = memory.swapPeak
            unsafe $0.psi = unsafe pressure(memory.pressure)
        }
    }

    fileprivate func events(_ events: [String: UInt64]) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__MemoryEvents> {
        unsafe message(io__containerd__cgroups__v2__memory_events__init) {
            unsafe $0.low = events["low"] ?? 0
            unsafe $0.high = events["high"] ?? 0
            unsafe $0.max = events["max"] ?? 0
            unsafe $0.oom = events["oom"] ?? 0
            unsafe $0.oom_kill = events["oom_kill"] ?? 0
            unsafe $0.oom_group_kill = events["oom_group_kill"] ?? 0
        }
    }

    fileprivate func io(
        _ entries: [MetricsV2.IOEntry], _ pressure: MetricsV2.Pressure?
    ) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__IOStat> {
        unsafe message(io__containerd__cgroups__v2__iostat__init) {
            unsafe $0.n_usage = entries.count
            unsafe $0.usage = unsafe messages(entries, io__containerd__cgroups__v2__ioentry__init) {
                unsafe $0.major = $1.major
                unsafe $0.minor = $1.minor
                unsafe $0.rbytes = $1.readBytes
                unsafe $0.wbytes = $1.writtenBytes
                unsafe $0.rios = $1.reads
                unsafe $0.wios = $1.writes
            }
            unsafe $0.psi = unsafe self.pressure(pressure)
        }
    }

    private func pressure(_ pressure: MetricsV2.Pressure?) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__PSIStats>? {
        guard let pressure else { return nil }
        return unsafe message(io__containerd__cgroups__v2__psistats__init) {
            unsafe $0.some = unsafe line(pressure.some)
            unsafe $0.full = unsafe line(pressure.full)
        }
    }

    private func line(_ line: MetricsV2.PressureLine?) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V2__PSIData>? {
        guard let line else { return nil }
        return unsafe message(io__containerd__cgroups__v2__psidata__init) {
            unsafe $0.avg10 = line.avg10
            unsafe $0.avg60 = line.avg60
            unsafe $0.avg300 = line.avg300
            unsafe $0.total = line.total
        }
    }

    fileprivate func rdma(_ entries: [RdmaMetrics]) -> UnsafeMutablePointer<UnsafeMutablePointer<Io__Containerd__Cgroups__V2__RdmaEntry>?> {
        unsafe messages(entries, io__containerd__cgroups__v2__rdma_entry__init) {
            unsafe $0.device = unsafe string($1.device)
            unsafe $0.hca_handles = $1.handles
            unsafe $0.hca_objects = $1.objects
        }
    }
}

extension Io__Containerd__Cgroups__V2__MemoryStat {
    fileprivate mutating func setSizes(_ stat: [String: UInt64]) {
        unsafe anon = stat["anon"] ?? 0
        unsafe file = stat["file"] ?? 0
        unsafe kernel_stack = stat["kernel_stack"] ?? 0
        unsafe slab = stat["slab"] ?? 0
        unsafe sock = stat["sock"] ?? 0
        unsafe shmem = stat["shmem"] ?? 0
        unsafe file_mapped = stat["file_mapped"] ?? 0
        unsafe file_dirty = stat["file_dirty"] ?? 0
        unsafe file_writeback = stat["file_writeback"] ?? 0
        unsafe anon_thp = stat["anon_thp"] ?? 0
        unsafe inactive_anon = stat["inactive_anon"] ?? 0
        unsafe active_anon = stat["active_anon"] ?? 0
        unsafe inactive_file = stat["inactive_file"] ?? 0
        unsafe active_file = stat["active_file"] ?? 0
        unsafe unevictable = stat["unevictable"] ?? 0
        unsafe slab_reclaimable = stat["slab_reclaimable"] ?? 0
        unsafe slab_unreclaimable = stat["slab_unreclaimable"] ?? 0
    }

    fileprivate mutating func setCounts(_ stat: [String: UInt64]) {
        unsafe pgfault = stat["pgfault"] ?? 0
        unsafe pgmajfault = stat["pgmajfault"] ?? 0
        unsafe workingset_refault = stat["workingset_refault"] ?? 0
        unsafe workingset_activate = stat["workingset_activate"] ?? 0
        unsafe workingset_nodereclaim = stat["workingset_nodereclaim"] ?? 0
        unsafe pgrefill = stat["pgrefill"] ?? 0
        unsafe pgscan = stat["pgscan"] ?? 0
        unsafe pgsteal = stat["pgsteal"] ?? 0
        unsafe pgactivate = stat["pgactivate"] ?? 0
        unsafe pgdeactivate = stat["pgdeactivate"] ?? 0
        unsafe pglazyfree = stat["pglazyfree"] ?? 0
        unsafe pglazyfreed = stat["pglazyfreed"] ?? 0
        unsafe thp_fault_alloc = stat["thp_fault_alloc"] ?? 0
        unsafe thp_collapse_alloc = stat["thp_collapse_alloc"] ?? 0
        unsafe workingset_refault_anon = stat["workingset_refault_anon"] ?? 0
        unsafe workingset_refault_file = stat["workingset_refault_file"] ?? 0
        unsafe workingset_activate_anon = stat["workingset_activate_anon"] ?? 0
        unsafe workingset_activate_file = stat["workingset_activate_file"] ?? 0
    }
}
