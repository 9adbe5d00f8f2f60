package import LinuxSys

extension ExecutorHandle {
    /// Takes the handle apart: the executor's pidfd and the channel. (A noncopyable value can be taken apart only in its own module.)
    package consuming func take<R: ~Copyable>(_ body: (consuming FD, consuming FD) -> R) -> R { body(pidfd, channel) }
}
