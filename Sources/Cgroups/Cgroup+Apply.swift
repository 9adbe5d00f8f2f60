import Glibc
internal import LinuxSys
package import OCI

extension Cgroup {
    /// What can be known to be wrong without a cgroup: said before anything is made.
    static func check(_ resources: ResourcesSpec, on host: CgroupHost) throws(CgroupError) {
        for plan in plans(resources) {
            let isOld = host.hierarchies.contains { $0.controllers.contains(plan.controller) }
            _ = try plan.writes(isOld || host.mode == .v1 ? .v1 : .v2)
        }
        if let first = resources.unified.first, host.mode == .v1 {
            throw .unsupported(field: "linux.resources.unified.\(first.file)", reason: "this host has no cgroup v2")
        }
        if host.hierarchies.contains(where: { $0.controllers.contains("devices") }) {
            _ = try DevicePolicy(resources.devices).exceptions()
        }
    }

    /// What is to be limited has to be in a hierarchy of which the user has been given a part.
    static func checkRights(to resources: ResourcesSpec, _ usable: CgroupHost) throws(CgroupError) {
        for plan in plans(resources) {
            let isOld = usable.hierarchies.contains { $0.controllers.contains(plan.controller) }
            guard !isOld, !usable.hierarchies.contains(where: \.isUnified) else { continue }
            guard let first = try plan.writes(.v1).first(where: { !$0.isOptional }) else { continue }
            throw .unsupported(field: first.field, reason: "this user has been given no cgroup with the \(plan.controller) controller")
        }
        if let first = resources.unified.first, !usable.hierarchies.contains(where: \.isUnified) {
            throw .unsupported(field: "linux.resources.unified.\(first.file)", reason: "this user has been given no v2 cgroup")
        }
    }

    /// For a new group, without processes.
    func apply(_ resources: ResourcesSpec) throws(CgroupError) {
        for (place, writes) in try planned(resources) { try Self.perform(writes, in: place) }
        try applyUnified(resources.unified)
        try applyDevices(resources.devices)
    }

    /// Changes limits of a group in use. What is not named stays as it is. When one limit is refused, those that were changed before
    /// get their old values back.
    package func update(_ resources: ResourcesSpec) throws(CgroupError) {
        if let memory = resources.memory, memory.checkBeforeUpdate, let limit = memory.limit, limit > 0, let place = place(of: "memory") {
            let file = place.version == .v1 ? "memory.usage_in_bytes" : "memory.current"
            let used = UInt64(try ControlFile.read("\(place.path)/\(file)").trimmed) ?? 0
            guard used <= UInt64(limit) else { throw .inUse(bytes: used, limit: limit) }
        }
        let resources = try completed(resources)
        let planned = try planned(resources)
        try updateUnit(resources)
        var changed = ChangedFiles()
        do {
            for (place, writes) in planned {
                changed.note(writes, in: place)
                try Self.perform(writes, in: place)
            }
            try applyUnified(resources.unified)
            if !resources.devices.isEmpty { try replaceDevices(resources.devices) }
        } catch {
            changed.restore()
            throw error
        }
    }

    static func plans(_ resources: ResourcesSpec) -> [ControllerPlan] {
        var plans: [ControllerPlan] = []
        if let memory = resources.memory { plans.append(Memory.plan(memory)) }
        if let cpu = resources.cpu { plans += [CPU.plan(cpu), CPUSet.plan(cpu)] }
        if let pids = resources.pids { plans.append(Pids.plan(pids)) }
        if let block = resources.blockIO { plans.append(BlockIO.plan(block)) }
        if !resources.hugepageLimits.isEmpty { plans.append(Hugetlb.plan(resources.hugepageLimits)) }
        if let network = resources.network { plans += Network.plans(network) }
        if !resources.rdma.isEmpty { plans.append(Rdma.plan(resources.rdma)) }
        return plans
    }

    /// What is to be written where: all that can be found wrong without writing is found before the first write.
    private func planned(_ resources: ResourcesSpec) throws(CgroupError) -> [(place: String, writes: [ControlWrite])] {
        var result: [(place: String, writes: [ControlWrite])] = []
        for plan in Self.plans(resources) {
            guard let place = place(of: plan.controller) else {
                // Only what is really asked for is missed.
                guard let first = try plan.writes(isUnifiedOnly ? .v2 : .v1).first(where: { !$0.isOptional }) else { continue }
                throw .unsupported(field: first.field, reason: "this host has no \(plan.controller) controller to set it with")
            }
            let writes = try plan.writes(place.version)
            for write in writes where write.choice(in: place.path) == nil && !write.isOptional {
                let names = write.choices.map(\.file).joined(separator: " or ")
                throw .unsupported(field: write.field, reason: "this kernel has no \(names)")
            }
            result.append((place.path, writes))
        }
        return result
    }

    /// Limits that depend on each other (memory and memory with swap, quota and period) are refused in one order and taken in the
    /// other, depending on what was there: what is refused (EINVAL, EBUSY) is tried again after the rest.
    static func perform(_ writes: [ControlWrite], in directory: String) throws(CgroupError) {
        var waiting = writes
        while !waiting.isEmpty {
            var refused: [ControlWrite] = []
            var reason: CgroupError?
            for write in waiting {
                guard let choice = write.choice(in: directory) else { continue }
                do { try ControlFile.write(choice.value, to: "\(directory)/\(choice.file)") } catch {
                    guard case .kernel(let failure) = error else { throw error }
                    let named = CgroupError.refused(field: write.field, failure)
                    guard [EINVAL, EBUSY].contains(failure.errno) else { throw named }
                    refused.append(write)
                    reason = reason ?? named
                }
            }
            if let reason, refused.count == waiting.count { throw reason }
            waiting = refused
        }
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
