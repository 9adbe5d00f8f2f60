internal import Glibc
internal import LinuxSys
internal import NIOPosix

/// SIGTERM and SIGINT as something to wait for. One a process.
package struct Termination: Sendable {
    private let descriptor: FDBox

    package init() throws {
        descriptor = FDBox(try FD.signalPipe([SIGTERM, SIGINT]))
    }

    /// Returns with the first of them.
    package func wait() async throws {
        let descriptor = descriptor
        try await NIOThreadPool.singleton.runIfActive {
            var byte: [UInt8] = [0]
            _ = try descriptor.fd.read(into: &byte)
        }
    }
}
