import Glibc
internal import LinuxSys
internal import OCI

/// What is set for a process from outside, by its number: raising a limit or a priority takes privileges of the host's user namespace.
enum ProcessSettings {
    /// Late in the set-up, which limits and priorities might be in the way of.
    static func set(_ process: ProcessSpec, of pid: Int32) throws(SysError) {
        for limit in process.rlimits {
            try setLimit(of: pid, resource: limit.kind.number, soft: limit.soft, hard: limit.hard, name: limit.kind.rawValue)
        }
        if let scheduler = process.scheduler { try setScheduling(of: pid, scheduler.attributes, name: scheduler.policy.rawValue) }
        if let priority = process.ioPriority {
            try setIOPriority(of: pid, class: priority.kind.number, level: Int32(priority.priority), name: priority.kind.rawValue)
        }
        // The cgroup is joined by now.
        if let final = process.execCPUAffinity?.final { try setAffinity(of: pid, final.words, name: "final") }
    }

    static func areNeeded(by process: ProcessSpec) -> Bool {
        !process.rlimits.isEmpty || process.scheduler != nil || process.ioPriority != nil || process.execCPUAffinity?.final != nil
    }

    /// oom_score_adj; the reason for a warning when an unprivileged user may not lower it, which is nobody's mistake.
    static func setMemoryScore(_ score: Int?, of pid: Int32, _ host: HostPlace) throws(ExecutorFailure) -> String? {
        guard let score else { return nil }
        do { try host.write("\(score)", of: pid, "oom_score_adj") } catch {
            guard error.errno == EACCES, geteuid() != 0 else { throw ExecutorFailure(error) }
            return "process.oomScoreAdj: \(error)"
        }
        return nil
    }
}

extension ProcessSpec {
    /// For exec: what the document leaves out is as in the container.
    func inheriting(from container: ProcessSpec?) -> ProcessSpec {
        guard let container else { return self }
        var result = self
        result.capabilities = capabilities ?? container.capabilities
        result.apparmorProfile = apparmorProfile ?? container.apparmorProfile
        result.selinuxLabel = selinuxLabel ?? container.selinuxLabel
        result.rlimits = rlimits.isEmpty ? container.rlimits : rlimits
        result.scheduler = scheduler ?? container.scheduler
        result.ioPriority = ioPriority ?? container.ioPriority
        result.execCPUAffinity = execCPUAffinity ?? container.execCPUAffinity
        result.oomScoreAdj = oomScoreAdj ?? container.oomScoreAdj
        return result
    }
}

extension SchedulerSpec {
    /// linux/sched.h: the cases stand in the order of its numbers.
    var attributes: SchedulingAttributes {
        SchedulingAttributes(
            policy: UInt32(Policy.allCases.firstIndex(of: policy) ?? 0),
            flags: flags.reduce(0) { $0 | 1 << UInt64(Flag.allCases.firstIndex(of: $1) ?? 0) },
            nice: nice, priority: priority, runtime: runtime, deadline: deadline, period: period)
    }
}

extension IOPrioritySpec.Class {
    /// linux/ioprio.h.
    var number: Int32 {
        switch self {
        case .realtime: 1
        case .bestEffort: 2
        case .idle: 3
        }
    }
}

extension PersonalitySpec.Domain {
    /// linux/personality.h: PER_LINUX, PER_LINUX32.
    var number: UInt { self == .linux ? 0 : 8 }
}

extension MemoryPolicySpec {
    /// linux/mempolicy.h: MPOL_* with MPOL_F_*.
    var number: Int32 {
        let kind: Int32 =
            switch mode {
            case .standard: 0
            case .preferred: 1
            case .bind: 2
            case .interleave: 3
            case .local: 4
            case .preferredMany: 5
            case .weightedInterleave: 6
            }
        return flags.reduce(kind) { bits, flag in
            switch flag {
            case .numaBalancing: bits | 1 << 13
            case .relativeNodes: bits | 1 << 14
            case .staticNodes: bits | 1 << 15
            }
        }
    }
}
