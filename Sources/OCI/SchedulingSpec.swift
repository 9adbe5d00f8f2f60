/// config.md, "Linux Process": scheduler. What the document leaves out is zero.
package struct SchedulerSpec: Equatable, Sendable {
    /// sched(7).
    package enum Policy: String, Sendable, CaseIterable {
        case other = "SCHED_OTHER"
        case fifo = "SCHED_FIFO"
        case roundRobin = "SCHED_RR"
        case batch = "SCHED_BATCH"
        case isochronous = "SCHED_ISO"
        case idle = "SCHED_IDLE"
        case deadline = "SCHED_DEADLINE"
    }

    /// sched_setattr(2) and linux/sched.h.
    package enum Flag: String, Sendable, CaseIterable {
        case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
        case reclaim = "SCHED_FLAG_RECLAIM"
        case overrun = "SCHED_FLAG_DL_OVERRUN"
        case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
        case keepParameters = "SCHED_FLAG_KEEP_PARAMS"
        case clampMinimum = "SCHED_FLAG_UTIL_CLAMP_MIN"
        case clampMaximum = "SCHED_FLAG_UTIL_CLAMP_MAX"
    }

    package var policy: Policy
    package var nice: Int32
    package var priority: UInt32
    package var flags: [Flag]
    /// Nanoseconds, of the deadline policy.
    package var runtime: UInt64, deadline: UInt64, period: UInt64

    init(_ field: JSONField) throws(FieldError) {
        policy = try field.member("policy").word()
        nice = try field.member("nice").optionalInteger(in: -20...19) ?? 0
        let priorityField = try field.member("priority")
        priority = try priorityField.optionalInteger(in: 0...99) ?? 0
        flags = try field.member("flags").list { flag throws(FieldError) in try flag.word() }
        runtime = try field.member("runtime").optionalInteger() ?? 0
        deadline = try field.member("deadline").optionalInteger() ?? 0
        period = try field.member("period").optionalInteger() ?? 0
        if policy == .isochronous { throw try field.member("policy").unsupported("no Linux kernel has SCHED_ISO") }
        let isRealtime = policy == .fifo || policy == .roundRobin
        guard isRealtime == (priority > 0) else {
            throw priorityField.invalid(isRealtime ? "\(policy.rawValue) needs 1 … 99" : "\(policy.rawValue) takes none")
        }
        guard policy == .deadline || (runtime == 0 && deadline == 0 && period == 0) else {
            throw field.invalid("runtime, deadline and period are for SCHED_DEADLINE")
        }
    }
}

/// config.md, "Linux Process": ioPriority (ioprio_set(2)).
package struct IOPrioritySpec: Equatable, Sendable {
    package enum Class: String, Sendable, CaseIterable {
        case realtime = "IOPRIO_CLASS_RT"
        case bestEffort = "IOPRIO_CLASS_BE"
        case idle = "IOPRIO_CLASS_IDLE"
    }
    package var kind: Class
    /// 0 (first) … 7.
    package var priority: UInt32

    init(_ field: JSONField) throws(FieldError) {
        kind = try field.member("class").word()
        let level = try field.member("priority")
        guard let number: UInt32 = try level.optionalInteger(in: 0...7) else { throw level.invalid("is missing") }
        priority = number
    }
}

/// config.md, "Linux Process": execCPUAffinity. It is for what is executed in a container, and not for its init.
package struct CPUAffinitySpec: Equatable, Sendable {
    /// Until the container's cgroup is joined.
    package var initial: NumberList?
    /// From then on; nil leaves it to the kernel.
    package var final: NumberList?

    init(_ field: JSONField) throws(FieldError) {
        initial = try field.member("initial").numberList(largest: 8191)
        final = try field.member("final").numberList(largest: 8191)
    }
}
