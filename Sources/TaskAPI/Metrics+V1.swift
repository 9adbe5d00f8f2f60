internal import CTaskProto

extension MetricsV1 {
    var encoded: [UInt8] {
        unsafe encode(io__containerd__cgroups__v1__metrics__init) { message, arena in
            if let pids {
                unsafe message.pids = unsafe arena.message(io__containerd__cgroups__v1__pids_stat__init) {
                    unsafe $0.current = pids.current
                    unsafe $0.limit = pids.limit
                }
            }
            if let cpu { unsafe message.cpu = unsafe arena.cpu(cpu) }
            if let memory { unsafe message.memory = unsafe arena.memory(memory) }
            if let oom {
                unsafe message.memory_oom_control = unsafe arena.message(io__containerd__cgroups__v1__memory_oom_control__init) {
                    unsafe $0.oom_kill_disable = oom.killDisabled
                    unsafe $0.under_oom = oom.underOOM
                    unsafe $0.oom_kill = oom.kills
                }
            }
            if let block { unsafe message.blkio = unsafe arena.block(block) }
            unsafe message.n_hugetlb = hugetlb.count
            unsafe message.hugetlb = unsafe arena.messages(hugetlb, io__containerd__cgroups__v1__hugetlb_stat__init) {
                unsafe $0.usage = $1.usage
                unsafe $0.max = $1.max
                unsafe $0.failcnt = $1.failures
                unsafe $0.pagesize = unsafe arena.string($1.pageSize)
            }
            guard !rdmaCurrent.isEmpty || !rdmaLimit.isEmpty else { return }
            unsafe message.rdma = unsafe arena.message(io__containerd__cgroups__v1__rdma_stat__init) {
                unsafe $0.n_current = rdmaCurrent.count
                unsafe $0.current = unsafe arena.rdma(rdmaCurrent)
                unsafe $0.n_limit = rdmaLimit.count
                unsafe $0.limit = unsafe arena.rdma(rdmaLimit)
            }
        }
    }
}

extension Arena {
    fileprivate func cpu(_ cpu: MetricsV1.CPU) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V1__CPUStat> {
        unsafe message(io__containerd__cgroups__v1__cpustat__init) {
            unsafe $0.usage = unsafe message(io__containerd__cgroups__v1__cpuusage__init) {
                unsafe $0.total = cpu.total
                unsafe $0.kernel = cpu.kernel
                unsafe $0.user = cpu.user
                unsafe $0.n_per_cpu = cpu.perCPU.count
                unsafe $0.per_cpu = unsafe numbers(cpu.perCPU)
            }
            unsafe $0.throttling = unsafe message(io__containerd__cgroups__v1__throttle__init) {
                unsafe $0.periods = cpu.periods
                unsafe $0.throttled_periods = cpu.throttledPeriods
                unsafe $0.throttled_time = cpu.throttledTime
            }
        }
    }

    fileprivate func memory(_ memory: MetricsV1.Memory) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V1__MemoryStat> {
        unsafe message(io__containerd__cgroups__v1__memory_stat__init) {
            unsafe $0.setOwn(memory.stat)
            unsafe $0.setTotals(memory.stat)
            unsafe $0.usage = unsafe entry(memory.usage)
            unsafe $0.swap = unsafe entry(memory.swap)
            unsafe $0.kernel = unsafe entry(memory.kernel)
            unsafe $0.kernel_tcp = unsafe entry(memory.kernelTCP)
        }
    }

    private func entry(_ entry: MetricsV1.MemoryEntry?) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V1__MemoryEntry>? {
        guard let entry else { return nil }
        return unsafe message(io__containerd__cgroups__v1__memory_entry__init) {
            unsafe $0.limit = entry.limit
            unsafe $0.usage = entry.usage
            unsafe $0.max = entry.max
            unsafe $0.failcnt = entry.failures
        }
    }

    fileprivate func block(_ block: MetricsV1.Block) -> UnsafeMutablePointer<Io__Containerd__Cgroups__V1__BlkIOStat> {
        unsafe message(io__containerd__cgroups__v1__blk_iostat__init) {
            unsafe $0.n_io_service_bytes_recursive = block.serviceBytes.count
            unsafe $0.io_service_bytes_recursive = unsafe entries(block.serviceBytes)
            unsafe $0.n_io_serviced_recursive = block.serviced.count
            unsafe $0.io_serviced_recursive = unsafe entries(block.serviced)
            unsafe $0.n_io_queued_recursive = block.queued.count
            unsafe $0.io_queued_recursive = unsafe entries(block.queued)
            unsafe $0.n_io_service_time_recursive = block.serviceTime.count
            unsafe $0.io_service_time_recursive = unsafe entries(block.serviceTime)
            unsafe $0.n_io_wait_time_recursive = block.waitTime.count
            unsafe $0.io_wait_time_recursive = unsafe entries(block.waitTime)
            unsafe $0.n_io_merged_recursive = block.merged.count
            unsafe $0.io_merged_recursive = unsafe entries(block.merged)
            unsafe $0.n_io_time_recursive = block.time.count
            unsafe $0.io_time_recursive = unsafe entries(block.time)
            unsafe $0.n_sectors_recursive = block.sectors.count
            unsafe $0.sectors_recursive = unsafe entries(block.sectors)
        }
    }

    private func entries(
        _ entries: [MetricsV1.BlockEntry]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<Io__Containerd__Cgroups__V1__BlkIOEntry>?> {
        unsafe messages(entries, io__containerd__cgroups__v1__blk_ioentry__init) {
            unsafe $0.op = unsafe string($1.operation)
            unsafe $0.device = unsafe string($1.device)
            unsafe $0.major = $1.major
            unsafe $0.minor = $1.minor
            unsafe $0.value = $1.value
        }
    }

    fileprivate func rdma(_ entries: [RdmaMetrics]) -> UnsafeMutablePointer<UnsafeMutablePointer<Io__Containerd__Cgroups__V1__RdmaEntry>?> {
        unsafe messages(entries, io__containerd__cgroups__v1__rdma_entry__init) {
            unsafe $0.device = unsafe string($1.device)
            unsafe $0.hca_handles = $1.handles
            unsafe $0.hca_objects = $1.objects
        }
    }
}

extension Io__Containerd__Cgroups__V1__MemoryStat {
    fileprivate mutating func setOwn(_ stat: [String: UInt64]) {
        unsafe cache = stat["cache"] ?? 0
        unsafe rss = stat["rss"] ?? 0
        unsafe rss_huge = stat["rss_huge"] ?? 0
        unsafe mapped_file = stat["mapped_file"] ?? 0
        unsafe dirty = stat["dirty"] ?? 0
        unsafe writeback = stat["writeback"] ?? 0
        unsafe pg_pg_in = stat["pgpgin"] ?? 0
        unsafe pg_pg_out = stat["pgpgout"] ?? 0
        unsafe pg_fault = stat["pgfault"] ?? 0
        unsafe pg_maj_fault = stat["pgmajfault"] ?? 0
        unsafe inactive_anon = stat["inactive_anon"] ?? 0
        unsafe active_anon = stat["active_anon"] ?? 0
        unsafe inactive_file = stat["inactive_file"] ?? 0
        unsafe active_file = stat["active_file"] ?? 0
        unsafe unevictable = stat["unevictable"] ?? 0
        unsafe hierarchical_memory_limit = stat["hierarchical_memory_limit"] ?? 0
        unsafe hierarchical_swap_limit = stat["hierarchical_memsw_limit"] ?? 0
    }

    fileprivate mutating func setTotals(_ stat: [String: UInt64]) {
        unsafe total_cache = stat["total_cache"] ?? 0
        unsafe total_rss = stat["total_rss"] ?? 0
        unsafe total_rss_huge = stat["total_rss_huge"] ?? 0
        unsafe total_mapped_file = stat["total_mapped_file"] ?? 0
        unsafe total_dirty = stat["total_dirty"] ?? 0
        unsafe total_writeback = stat["total_writeback"] ?? 0
        unsafe total_pg_pg_in = stat["total_pgpgin"] ?? 0
        unsafe total_pg_pg_out = stat["total_pgpgout"] ?? 0
        unsafe total_pg_fault = stat["total_pgfault"] ?? 0
        unsafe total_pg_maj_fault = stat["total_pgmajfault"] ?? 0
        unsafe total_inactive_anon = stat["total_inactive_anon"] ?? 0
        unsafe total_active_anon = stat["total_active_anon"] ?? 0
        unsafe total_inactive_file = stat["total_inactive_file"] ?? 0
        unsafe total_active_file = stat["total_active_file"] ?? 0
        unsafe total_unevictable = stat["total_unevictable"] ?? 0
    }
}
