import Glibc
internal import LinuxSys
package import OCI

/// One value for one file of a controller.
struct ControlWrite: Equatable {
    /// The first that exists is written.
    var files: [String]
    var value: String
    /// Of config.json, for errors.
    var field: String
    /// Nothing is lost when the host does not have the file.
    var isOptional = false

    init(_ file: String, _ value: String, field: String, optional: Bool = false) {
        files = [file]
        self.value = value
        self.field = "linux.resources.\(field)"
        isOptional = optional
    }

    init(firstOf files: [String], _ value: String, field: String) {
        self.files = files
        self.value = value
        self.field = "linux.resources.\(field)"
    }
}

/// What one controller is to do, by the rules of the version that it is found under.
struct ControllerPlan {
    let controller: String
    let writes: (ControllerPlace.Version) throws(CgroupError) -> [ControlWrite]
}

extension Cgroup {
    /// For a new group, without processes.
    func apply(_ resources: ResourcesSpec) throws(CgroupError) {
        try applyLimits(resources)
        try applyDevices(resources.devices)
    }

    /// Changes limits of a group in use. Rules for devices cannot change: what is open stays open.
    package func update(_ resources: ResourcesSpec) throws(CgroupError) {
        guard resources.devices.isEmpty else {
            throw .unsupported(field: "linux.resources.devices", reason: "cannot be changed while the container runs")
        }
        if let memory = resources.memory, memory.checkBeforeUpdate, let limit = memory.limit, limit > 0, let place = place(of: "memory") {
            let file = place.version == .v1 ? "memory.usage_in_bytes" : "memory.current"
            let used = UInt64(try ControlFile.read("\(place.path)/\(file)").trimmed) ?? 0
            guard used <= UInt64(limit) else { throw .inUse(bytes: used, limit: limit) }
        }
        try applyLimits(resources)
    }

    private func applyLimits(_ resources: ResourcesSpec) throws(CgroupError) {
        for plan in Self.plans(resources) { try apply(plan) }
        try applyUnified(resources.unified)
    }

    static func plans(_ resources: ResourcesSpec) -> [ControllerPlan] {
        var plans: [ControllerPlan] = []
        if let memory = resources.memory { plans.append(Memory.plan(memory)) }
        if let cpu = resources.cpu { plans += [CPU.plan(cpu), CPUSet.plan(cpu)] }
        if let pids = resources.pids { plans.append(Pids.plan(pids)) }
        if let block = resources.blockIO { plans.append(BlockIO.plan(block)) }
        if !resources.hugepageLimits.isEmpty { plans.append(Hugetlb.plan(resources.hugepageLimits)) }
        if !resources.rdma.isEmpty { plans.append(Rdma.plan(resources.rdma)) }
        return plans
    }

    private func apply(_ plan: ControllerPlan) throws(CgroupError) {
        guard let place = place(of: plan.controller) else {
            // Only what is really asked for is missed.
            guard let first = try plan.writes(isUnifiedOnly ? .v2 : .v1).first(where: { !$0.isOptional }) else { return }
            throw .unsupported(field: first.field, reason: "this host has no \(plan.controller) controller to set it with")
        }
        try Self.perform(plan.writes(place.version), in: place.path)
    }

    /// Limits that depend on each other (memory and memory with swap, quota and period) are refused in one order and taken in the
    /// other, depending on what was there: what is refused (EINVAL, EBUSY) is tried again after the rest.
    static func perform(_ writes: [ControlWrite], in directory: String) throws(CgroupError) {
        var waiting = writes
        while !waiting.isEmpty {
            var refused: [ControlWrite] = []
            var reason: CgroupError?
            for write in waiting {
                do { try perform(write, in: directory) } catch {
                    guard case .kernel(let failure) = error, [EINVAL, EBUSY].contains(failure.errno) else { throw error }
                    refused.append(write)
                    reason = reason ?? error
                }
            }
            if let reason, refused.count == waiting.count { throw reason }
            waiting = refused
        }
    }

    private static func perform(_ write: ControlWrite, in directory: String) throws(CgroupError) {
        guard let file = write.files.first(where: { ControlFile.exists("\(directory)/\($0)") }) else {
            if write.isOptional { return }
            throw .unsupported(field: write.field, reason: "this kernel has no \(write.files.joined(separator: " or "))")
        }
        try ControlFile.write(write.value, to: "\(directory)/\(file)")
    }
}

extension String {
    /// Without the newline that ends a value.
    var trimmed: Substring {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }
}
