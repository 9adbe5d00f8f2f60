internal import Glibc
internal import LinuxSys

/// Lines for people, each with the time since the start: `+0.123s pod/web container app Created → Running`.
package struct Report: Sendable {
    private let start: UInt64
    private let put: @Sendable (String) -> Void

    package init(_ write: @escaping @Sendable (String) -> Void = { printLine($0, to: STDOUT_FILENO) }) {
        start = monotonicNanoseconds()
        put = write
    }

    package func line(_ text: String) { put(Self.stamp(monotonicNanoseconds() - start) + " " + text) }

    /// Seconds with three places.
    static func stamp(_ nanoseconds: UInt64) -> String {
        let millis = String(nanoseconds / 1_000_000 % 1000)
        return "+\(nanoseconds / 1_000_000_000).\(String(repeating: "0", count: 3 - millis.utf8.count))\(millis)s"
    }
}

/// One write a line: it appears at once, also through a pipe, and lines of several threads do not mix.
package func printLine(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8) + [0x0a]
    // There is nobody to tell when it fails.
    _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
}
