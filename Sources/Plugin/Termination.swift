internal import Glibc
internal import LinuxSys
internal import NIOPosix

/// SIGTERM and SIGINT as something to wait for. To be made before any other thread is: they inherit the blocked signals.
package struct Termination: Sendable {
    private let descriptor: FDBox

    package init() throws {
        let descriptor = try FD.signals([SIGTERM, SIGINT])
        try descriptor.setNonBlocking(false)
        self.descriptor = FDBox(descriptor)
    }

    /// Returns with the first of them.
    package func wait() async throws {
        let descriptor = descriptor
        try await NIOThreadPool.singleton.runIfActive { while try descriptor.fd.nextSignal() == nil {} }
    }
}
