internal import CLinux

/// sched_setattr(2), as the kernel takes it.
package struct SchedulingAttributes: Equatable, Sendable {
    /// SCHED_*
    package var policy: UInt32
    /// SCHED_FLAG_*
    package var flags: UInt64
    package var nice: Int32
    package var priority: UInt32
    /// Nanoseconds, of the deadline policy.
    package var runtime: UInt64, deadline: UInt64, period: UInt64

    package init(policy: UInt32, flags: UInt64, nice: Int32, priority: UInt32, runtime: UInt64, deadline: UInt64, period: UInt64) {
        self.policy = policy
        self.flags = flags
        self.nice = nice
        self.priority = priority
        self.runtime = runtime
        self.deadline = deadline
        self.period = period
    }
}

package func setScheduling(of pid: Int32, _ wanted: SchedulingAttributes, name: String) throws(SysError) {
    try check(
        clx_set_scheduler(
            pid, wanted.policy, wanted.flags, wanted.nice, wanted.priority, wanted.runtime, wanted.deadline, wanted.period),
        "sched_setattr", on: name)
}

/// ioprio_set(2): `level` 0 … 7 within a class (1 real time, 2 best effort, 3 idle).
package func setIOPriority(of pid: Int32, class kind: Int32, level: Int32, name: String) throws(SysError) {
    try check(clx_set_io_priority(pid, kind << 13 | level), "ioprio_set", on: "\(name) \(level)")
}

/// sched_setaffinity(2): one bit for each processor. 0 is this thread.
package func setAffinity(of pid: Int32, _ words: [UInt64], name: String) throws(SysError) {
    try check(unsafe clx_set_affinity(pid, words, words.count), "sched_setaffinity", on: name)
}

/// personality(2) of this thread and what it executes.
package func setPersonality(_ domain: UInt, name: String) throws(SysError) { try check(clx_personality(domain), "personality", on: name) }

/// set_mempolicy(2) of this thread and what it executes: MPOL_* with its flags, one bit for each node.
package func setMemoryPolicy(_ mode: Int32, _ words: [UInt64], name: String) throws(SysError) {
    try check(unsafe clx_set_memory_policy(mode, words, words.count), "set_mempolicy", on: name)
}
