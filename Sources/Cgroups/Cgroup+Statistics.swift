import Glibc

extension Cgroup {
    /// Reads them. A controller that the host does not have, or that is gone with the group, is nil.
    package func statistics() throws(CgroupError) -> CgroupStatistics {
        CgroupStatistics(
            isUnified: isUnifiedOnly, pids: try pidsStatistics(), cpu: try cpuStatistics(), cpuset: try cpusetStatistics(),
            memory: try memoryStatistics(),
            io: try ioStatistics(), hugetlb: try hugetlbStatistics(), rdma: try rdmaStatistics("rdma.current"),
            rdmaLimits: try rdmaStatistics("rdma.max"))
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
            for line in (try place.text("cpuacct.usage_all") ?? "").split(separator: "\n").dropFirst() {
                let words = line.split(separator: " ").compactMap { UInt64($0) }
                guard words.count == 3 else { continue }
                result.perCPUUser.append(words[1])
                result.perCPUKernel.append(words[2])
            }
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
        result.pressure = try ControllerPlace(path: unified, version: .v2).pressure("cpu.pressure")
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
            result.pressure = try place.pressure("memory.pressure")
        }
        return result
    }

    private func ioStatistics() throws(CgroupError) -> CgroupStatistics.IO? {
        guard let place = place(of: "blkio") else { return nil }
        switch place.version {
        case .v1:
            func list(_ name: String) throws(CgroupError) -> [CgroupStatistics.IOEntry] {
                try place.operations(["blkio.bfq.\(name)_recursive", "blkio.\(name)_recursive"])
            }
            return .init(
                bytes: try place.operations(["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"]),
                operations: try place.operations(["blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"]),
                queued: try list("io_queued"), serviceTime: try list("io_service_time"), waitTime: try list("io_wait_time"),
                merged: try list("io_merged"), time: try list("time"), sectors: try list("sectors"))
        case .v2: return .init(bytes: IOLines.unified(try place.text("io.stat") ?? ""), pressure: try place.pressure("io.pressure"))
        }
    }

    private func cpusetStatistics() throws(CgroupError) -> CgroupStatistics.CPUSet? {
        guard let place = place(of: "cpuset") else { return nil }
        let end = place.version == .v1 ? "" : ".effective"
        var result = CgroupStatistics.CPUSet()
        result.cpus = CPUSet.numbers(try place.text("cpuset.cpus\(end)") ?? "")
        result.mems = CPUSet.numbers(try place.text("cpuset.mems\(end)") ?? "")
        for name in CPUSet.flags where place.version == .v1 {
            result.flags[name] = try place.text("cpuset.\(name)").flatMap { Int64($0.trimmed) }
        }
        return result
    }

    private func rdmaStatistics(_ file: String) throws(CgroupError) -> [CgroupStatistics.Rdma] {
        guard let place = place(of: "rdma") else { return [] }
        return RdmaLines.all(try place.text(file) ?? "")
    }

    private func hugetlbStatistics() throws(CgroupError) -> [CgroupStatistics.Hugetlb] {
        guard let place = place(of: "hugetlb") else { return [] }
        let sizes: [String]
        // hugepages-2048kB → 2MB, as the controller names its files.
        do { sizes = try pageSizes() } catch { return [] }
        var result: [CgroupStatistics.Hugetlb] = []
        for size in sizes {
            func amount(_ head: String) throws(CgroupError) -> CgroupStatistics.Amount {
                place.version == .v1 ? try place.oldAmount(head) : try place.amount(head)
            }
            let probe = "\(place.path)/hugetlb.\(size).rsvd.\(place.version == .v1 ? "limit_in_bytes" : "max")"
            result.append(
                .init(
                    pageSize: size, amount: try amount("hugetlb.\(size)"),
                    reserved: ControlFile.exists(probe) ? try amount("hugetlb.\(size).rsvd") : nil))
        }
        return result
    }
}
