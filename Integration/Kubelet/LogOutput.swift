internal import CRILog
internal import Foundation
internal import Glibc
internal import LinuxSys

/// Prints a container's log file (CRI format): stdout to stdout, stderr to stderr.
package struct LogOutput: Sendable {
    private let path: String

    package init(path: String) { self.path = path }

    /// `follow`: goes on until the file is removed.
    package func run(follow: Bool) async throws {
        let file = FDBox(try FD.open(path, O_RDONLY))
        var reader = LogReader()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            while case .bytes(let count) = try file.fd.read(into: &buffer) {
                for entry in reader.feed(buffer[..<count]) {
                    writeAll(entry.output, to: entry.stream == .stderr ? STDERR_FILENO : STDOUT_FILENO)
                }
            }
            guard follow, unsafe access(path, F_OK) == 0 else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// There is nobody to tell when it fails.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

/// The directory of a mock kubelet: nobody else's business.
package enum ControlDirectory {
    package static func make(_ path: String) throws(ManifestError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .unreadable("make \(path): \(fileReason(error))")
        }
    }
}
