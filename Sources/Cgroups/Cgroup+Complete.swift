internal import LinuxSys
import OCI

extension Cgroup {
    /// Limits that v2 keeps in one file, or counts in another way than config.json, and of which an update can name one half: the
    /// other half is what holds now.
    func completed(_ resources: ResourcesSpec) throws(CgroupError) -> ResourcesSpec {
        var result = resources
        if let place = place(of: "cpu"), place.version == .v2 { try complete(&result.cpu, place) }
        if let place = place(of: "memory"), place.version == .v2 { try complete(&result.memory, place) }
        return result
    }

    /// cpu.max is `quota period`; a period written alone would lift the quota.
    private func complete(_ cpu: inout CPUSpec?, _ place: ControllerPlace) throws(CgroupError) {
        guard let period = cpu?.period, period != 0, cpu?.quota ?? 0 == 0 else { return }
        let present = try place.text("cpu.max") ?? ""
        cpu?.quota = present.split(separator: " ").first.flatMap { Int64($0) } ?? -1
    }

    /// memory.swap.max is swap alone: with one of the two limits changed, memory and swap together stay what they were.
    private func complete(_ memory: inout MemorySpec?, _ place: ControllerPlace) throws(CgroupError) {
        guard let asked = memory else { return }
        let limit = try place.number("memory.max") ?? .max
        let swap = try place.number("memory.swap.max") ?? .max
        if asked.swap ?? 0 > 0, asked.limit ?? 0 == 0 {
            memory?.limit = limit == .max ? -1 : Int64(clamping: limit)
        } else if let new = asked.limit, new > 0, asked.swap ?? 0 == 0, limit != .max, swap != .max {
            let both = Int64(clamping: limit.addingReportingOverflow(swap).partialValue)
            guard both >= new else {
                throw .unsupported(field: "linux.resources.memory.limit", reason: "\(new) is above \(both), the limit of memory and swap")
            }
            memory?.swap = both
        }
    }
}
