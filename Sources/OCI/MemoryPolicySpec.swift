/// config-linux.md, "Memory policy" (set_mempolicy(2)).
package struct MemoryPolicySpec: Equatable, Sendable {
    package enum Mode: String, Sendable, CaseIterable {
        case standard = "MPOL_DEFAULT"
        case bind = "MPOL_BIND"
        case interleave = "MPOL_INTERLEAVE"
        case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
        case preferred = "MPOL_PREFERRED"
        case preferredMany = "MPOL_PREFERRED_MANY"
        case local = "MPOL_LOCAL"
    }

    package enum Flag: String, Sendable, CaseIterable {
        case numaBalancing = "MPOL_F_NUMA_BALANCING"
        case relativeNodes = "MPOL_F_RELATIVE_NODES"
        case staticNodes = "MPOL_F_STATIC_NODES"
    }

    package var mode: Mode
    package var nodes: NumberList?
    package var flags: [Flag]

    init(_ field: JSONField) throws(FieldError) {
        mode = try field.member("mode").word()
        let list = try field.member("nodes")
        nodes = try list.numberList(largest: 1023)
        let flagField = try field.member("flags")
        flags = try flagField.list { flag throws(FieldError) in try flag.word() }
        try check(list, flagField)
    }

    /// What the kernel would refuse with a bare EINVAL.
    private func check(_ list: JSONField, _ flagField: JSONField) throws(FieldError) {
        switch mode {
        case .standard, .local:
            guard nodes == nil else { throw list.invalid("\(mode.rawValue) takes none") }
            guard flags.isEmpty else { throw flagField.invalid("\(mode.rawValue) takes none") }
        case .bind, .interleave, .weightedInterleave, .preferredMany:
            guard nodes != nil else { throw list.invalid("\(mode.rawValue) needs at least one node") }
        case .preferred: break
        }
        guard !(flags.contains(.relativeNodes) && flags.contains(.staticNodes)) else {
            throw flagField.invalid("MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other")
        }
    }
}
