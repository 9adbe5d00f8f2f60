package import Images
package import Messages
internal import OCI

extension ResourceRequest {
    /// CRI's resources, in which 0 and empty are "not specified". `field` is their path, for messages.
    package init(_ wanted: Runtime_V1_LinuxContainerResources, field: String, _ abilities: NodeAbilities) throws(PluginError) {
        self.init()
        memory = wanted.memoryLimitInBytes == 0 ? nil : wanted.memoryLimitInBytes
        memorySwap = wanted.memorySwapLimitInBytes == 0 ? nil : wanted.memorySwapLimitInBytes
        cpuQuota = wanted.cpuQuota == 0 ? nil : wanted.cpuQuota
        cpuPeriod = try Self.positive(wanted.cpuPeriod, "\(field).cpu_period")
        cpuShares = try Self.positive(wanted.cpuShares, "\(field).cpu_shares")
        cpus = wanted.cpusetCpus.isEmpty ? nil : wanted.cpusetCpus
        memoryNodes = wanted.cpusetMems.isEmpty ? nil : wanted.cpusetMems
        for (index, limit) in wanted.hugepageLimits.enumerated() {
            // A kubelet sends one for every size of page that the node has. Without the controller only "none" can be kept: nobody
            // reserves pages on such a node.
            guard abilities.limitsHugePages else {
                if limit.limit == 0 { continue }
                throw .unsupported(field: "\(field).hugepage_limits[\(index)]", what: "a limit without the controller hugetlb")
            }
            hugePages.append(HugePageRequest(size: limit.pageSize, limit: limit.limit))
        }
        guard wanted.unified.isEmpty || abilities.hasUnifiedCgroups else {
            throw .unsupported(field: "\(field).unified", what: "a cgroup v2 file on a node with cgroups of version 1")
        }
        for name in wanted.unified.keys {
            guard !name.isEmpty, name.contains("."), !name.hasPrefix("cgroup."), !name.contains("/") else {
                throw .invalid(field: "\(field).unified", reason: "\(quoted(name)) is no file of a controller")
            }
        }
        unified = wanted.unified
    }

    private static func positive(_ value: Int64, _ field: String) throws(PluginError) -> UInt64? {
        guard value >= 0 else { throw .invalid(field: field, reason: "is negative") }
        return value == 0 ? nil : UInt64(value)
    }
}
