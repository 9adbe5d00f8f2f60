internal import Glibc
internal import LinuxSys

/// Held while a command makes, restarts or takes apart a container: flock(2) on a file in its directory,
/// so that it is free again when the command dies.
final class ContainerLock: Sendable {
    private let fd: FD

    private init(_ fd: consuming FD) { self.fd = fd }

    /// Of a container that nobody else knows yet.
    static func create(in directory: String) throws(SysError) -> ContainerLock {
        let fd = try FD.open("\(directory)/lock", O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        try checkErrno("flock", on: "\(directory)/lock") { flock(fd.raw, LOCK_EX | LOCK_NB) }
        return ContainerLock(fd)
    }

    /// Nil when another command holds it. Throws ENOENT when the container's directory is gone, or is being removed:
    /// the file is never made again here, or that removal could not end.
    static func tryAcquire(in directory: String) throws(SysError) -> ContainerLock? {
        let fd = try FD.open("\(directory)/lock", O_RDWR)
        guard flock(fd.raw, LOCK_EX | LOCK_NB) != 0 else { return ContainerLock(fd) }
        guard errno == EWOULDBLOCK else { throw SysError(errno, "flock", on: "\(directory)/lock") }
        return nil
    }

    /// Waits at most ten seconds for another command to be done with the container. Nil when its directory goes meanwhile.
    static func acquire(in directory: String, for operation: String, _ name: String) async throws -> ContainerLock? {
        for _ in 0..<500 {
            do {
                if let lock = try tryAcquire(in: directory) { return lock }
            } catch {
                guard error.errno == ENOENT else { throw error }
                if !Files.exists(directory) { return nil }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        // A removal that was cut short between its last two steps.
        if !Files.exists("\(directory)/lock") { return nil }
        throw CommandFailure(operation, name, "another command is at work on it")
    }
}
