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
        /// v1 alone: by number of the processor.
        package var perCPU: [UInt64] = []
        package var perCPUUser: [UInt64] = []
        package var perCPUKernel: [UInt64] = []
        /// `nr_periods`, `nr_throttled`; `throttled_time` in nanoseconds under v1, `throttled_usec` under v2.
        package var throttling = KeyedValues()
        package var pressure: Pressure?
    }

    /// cpuset.*
    package struct CPUSet: Equatable, Sendable {
        package var cpus: [UInt16] = []
        package var mems: [UInt16] = []
        /// v1 alone: `cpu_exclusive`, `mem_hardwall`, `sched_relax_domain_level`, …
        package var flags: [String: Int64] = [:]
    }

    /// A file of pressure (kernel: accounting/psi.rst): how long tasks stood still for want of something.
    package struct Pressure: Equatable, Sendable {
        package struct Line: Equatable, Sendable {
            /// Per cent of the last 10, 60 and 300 seconds.
            package var avg10: Double, avg60: Double, avg300: Double
            /// Microseconds.
            package var total: UInt64
        }
        package var some: Line?
        package var full: Line?
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
        package var pressure: Pressure?
    }

    /// One line of a blkio file, or one number of io.stat.
    package struct IOEntry: Equatable, Sendable {
        package var major: UInt64
        package var minor: UInt64
        /// `Read`, `Write`, … (v1; empty where the kernel names none); `rbytes`, `wbytes`, `rios`, `wios` (v2).
        package var operation: String
        package var value: UInt64
    }

    package struct IO: Equatable, Sendable {
        /// v1: bytes by device and operation; v2: everything.
        package var bytes: [IOEntry] = []
        /// v1: operations by device and operation.
        package var operations: [IOEntry] = []
        /// v1 alone, and where the scheduler counts them.
        package var queued: [IOEntry] = []
        package var serviceTime: [IOEntry] = []
        package var waitTime: [IOEntry] = []
        package var merged: [IOEntry] = []
        package var time: [IOEntry] = []
        package var sectors: [IOEntry] = []
        package var pressure: Pressure?
    }

    package struct Hugetlb: Equatable, Sendable {
        package var pageSize: String
        /// Pages that were touched.
        package var amount: Amount
        /// Pages that were reserved; nil before Linux 5.7.
        package var reserved: Amount?
    }

    /// One device; limits of `UInt64.max` are none.
    package struct Rdma: Equatable, Sendable {
        package var device: String
        package var handles: UInt64
        package var objects: UInt64
    }

    package var isUnified: Bool
    package var pids: Pids?
    package var cpu: CPU?
    package var cpuset: CPUSet?
    package var memory: Memory?
    package var io: IO?
    package var hugetlb: [Hugetlb]
    package var rdma: [Rdma]
    package var rdmaLimits: [Rdma]
}
