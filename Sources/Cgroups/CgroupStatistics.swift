import Glibc

/// What a group has used, by the controllers that the host has. Values of the kernel's own files, named as they are there, so that
/// containerd's metrics of both versions can be filled from them.
package struct CgroupStatistics: Equatable, Sendable {
    package struct Pids: Equatable, Sendable {
        package var current: UInt64
        /// Nil: no limit.
        package var limit: UInt64?
    }

    /// Nanoseconds each.
    package struct CPU: Equatable, Sendable {
        package var total: UInt64 = 0
        package var user: UInt64 = 0
        package var kernel: UInt64 = 0
        /// v1 alone.
        package var perCPU: [UInt64] = []
        /// `nr_periods`, `nr_throttled`; `throttled_time` in nanoseconds under v1, `throttled_usec` under v2.
        package var throttling = KeyedValues()
    }

    /// Bytes; limits of `UInt64.max` are none.
    package struct Amount: Equatable, Sendable {
        package var usage: UInt64 = 0
        package var limit: UInt64 = 0
        package var peak: UInt64 = 0
        package var failures: UInt64 = 0
    }

    package struct Memory: Equatable, Sendable {
        /// memory.stat
        package var stat = KeyedValues()
        package var usage = Amount()
        /// Under v1 memory and swap together, under v2 swap alone.
        package var swap = Amount()
        /// v1 alone.
        package var kernel = Amount()
        package var kernelTCP = Amount()
        /// v1: memory.oom_control (`oom_kill_disable`, `under_oom`, `oom_kill`); v2: memory.events (`low`, `high`, `max`, `oom`, `oom_kill`).
        package var events = KeyedValues()
    }

    /// One line of a blkio file, or one number of io.stat.
    package struct IOEntry: Equatable, Sendable {
        package var major: UInt64
        package var minor: UInt64
        /// `Read`, `Write`, … (v1); `rbytes`, `wbytes`, `rios`, `wios` (v2).
        package var operation: String
        package var value: UInt64
    }

    package struct IO: Equatable, Sendable {
        /// v1: bytes by device and operation; v2: everything.
        package var bytes: [IOEntry] = []
        /// v1: operations by device and operation.
        package var operations: [IOEntry] = []
    }

    package struct Hugetlb: Equatable, Sendable {
        package var pageSize: String
        package var amount: Amount
    }

    package var isUnified: Bool
    package var pids: Pids?
    package var cpu: CPU?
    package var memory: Memory?
    package var io: IO?
    package var hugetlb: [Hugetlb]
}

extension Cgroup {
    /// Reads them. A controller that the host does not have, or that is gone with the group, is nil.
    package func statistics() throws(CgroupError) -> CgroupStatistics {
        CgroupStatistics(
            isUnified: isUnifiedOnly, pids: try pidsStatistics(), cpu: try cpuStatistics(), memory: try memoryStatistics(),
            io: try ioStatistics(),
            hugetlb: try hugetlbStatistics())
    }

    private func pidsStatistics() throws(CgroupError) -> CgroupStatistics.Pids? {
        guard let place = place(of: "pids"), let current = try place.number("pids.current") else { return nil }
        let limit = try place.number("pids.max")
        return .init(current: current, limit: limit == .max ? nil : limit)
    }

    private func cpuStatistics() throws(CgroupError) -> CgroupStatistics.CPU? {
        var result = CgroupStatistics.CPU()
        if let old = oldDirectory("cpuacct") {
            let place = ControllerPlace(path: old, version: .v1)
            guard let total = try place.number("cpuacct.usage") else { return nil }
            result.total = total
            result.user = try place.number("cpuacct.usage_user") ?? 0
            result.kernel = try place.number("cpuacct.usage_sys") ?? 0
            result.perCPU = (try place.text("cpuacct.usage_percpu") ?? "").split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
            if let cpu = oldDirectory("cpu") { result.throttling = try ControllerPlace(path: cpu, version: .v1).keyed("cpu.stat") }
            return result
        }
        // cpu.stat is there under v2 even without the controller.
        guard let unified, let text = try ControllerPlace(path: unified, version: .v2).text("cpu.stat") else { return nil }
        let values = KeyedValues(text)
        result.total = values["usage_usec"] &* 1000
        result.user = values["user_usec"] &* 1000
        result.kernel = values["system_usec"] &* 1000
        result.throttling = values
        return result
    }

    private func memoryStatistics() throws(CgroupError) -> CgroupStatistics.Memory? {
        guard let place = place(of: "memory"), let text = try place.text("memory.stat") else { return nil }
        var result = CgroupStatistics.Memory()
        result.stat = KeyedValues(text)
        switch place.version {
        case .v1:
            result.usage = try place.oldAmount("memory")
            result.swap = try place.oldAmount("memory.memsw")
            result.kernel = try place.oldAmount("memory.kmem")
            result.kernelTCP = try place.oldAmount("memory.kmem.tcp")
            result.events = try place.keyed("memory.oom_control")
        case .v2:
            result.usage = try place.amount("memory")
            result.swap = try place.amount("memory.swap")
            result.events = try place.keyed("memory.events")
        }
        return result
    }

    private func ioStatistics() throws(CgroupError) -> CgroupStatistics.IO? {
        guard let place = place(of: "blkio") else { return nil }
        switch place.version {
        case .v1:
            return .init(
                bytes: try place.operations(["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"]),
                operations: try place.operations(["blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"]))
        case .v2: return .init(bytes: IOLines.unified(try place.text("io.stat") ?? ""), operations: [])
        }
    }

    private func hugetlbStatistics() throws(CgroupError) -> [CgroupStatistics.Hugetlb] {
        guard let place = place(of: "hugetlb") else { return [] }
        let sizes: [String]
        // hugepages-2048kB → 2MB, as the controller names its files.
        do { sizes = try pageSizes() } catch { return [] }
        var result: [CgroupStatistics.Hugetlb] = []
        for size in sizes {
            let amount = place.version == .v1 ? try place.oldAmount("hugetlb.\(size)") : try place.amount("hugetlb.\(size)")
            result.append(.init(pageSize: size, amount: amount))
        }
        return result
    }
}
