package import LinuxSys

/// A running executor, as its supervisor holds it.
package struct ExecutorHandle: ~Copyable {
    package let pid: Int32
    /// Readable when the executor has ended; to be reaped by the supervisor.
    package let pidfd: FD
    /// Records come from here (and a `start` record goes in). Non-blocking.
    package let channel: FD
}

/// Clones an executor process for one job from this process, which must have a single thread.
///
/// Only the clone does the job; it never returns from here. A process that it makes for the container (`started` record)
/// is a child of the caller.
package func launchExecutor(_ job: ExecutorJob) throws(SysError) -> ExecutorHandle {
    fatalError("the executor's helper writes this")
}
