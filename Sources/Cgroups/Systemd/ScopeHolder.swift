import Glibc
internal import LinuxSys

/// A process that does nothing but be in a scope, because systemd makes none without a process and stops one that is empty.
/// It is there from the start of the scope until the container's own process has joined.
///
/// A child of the process that makes the container, with nothing open but a pipe that ends when that process does.
package final class ScopeHolder: Sendable {
    let pid: Int32
    private let pidfd: FDBox
    private let life: FDBox

    init() throws(SysError) {
        let (read, write) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
        let side = try cloneProcess()
        switch consume side {
        case .child:
            do throws(SysError) {
                try closeDescriptors(except: [read.raw])
                var buffer: [UInt8] = [0]
                _ = try read.fd.read(into: &buffer)
            } catch { exitNow(1) }
            exitNow(0)
        case .parent(let number, let descriptor):
            pid = number
            pidfd = FDBox(descriptor)
            life = write
        }
    }

    /// Ends it and reaps it. Done twice, or by a process that is not its parent, it does what is left to do.
    func end() {
        try? pidfd.fd.signalProcess(SIGKILL)
        _ = try? pidfd.fd.reap(blocking: true)
    }
}
