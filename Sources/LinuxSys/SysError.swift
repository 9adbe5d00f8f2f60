internal import CLinux
import Glibc

/// A call that the kernel refused: what was tried, on what, and why.
///
/// Prints itself once, as `mount overlay on /run/x/rootfs: device or resource busy (EBUSY)`.
package struct SysError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The positive errno.
    package let errno: Int32
    /// What was tried, in the field's words: `openat2`, `mount overlay`.
    package let operation: String
    /// What it was tried on: a path, a pid, a name. May be empty.
    package let subject: String

    package init(_ errno: Int32, _ operation: String, on subject: String = "") {
        self.errno = errno
        self.operation = operation
        self.subject = subject
    }

    package var description: String {
        let head = subject.isEmpty ? operation : "\(operation) \(subject)"
        return "\(head): \(reason)"
    }

    /// `permission denied (EACCES)`: the reason in lower case with the symbol.
    package var reason: String {
        guard let text = unsafe strerror(errno) else { return "errno \(errno)" }
        let words = unsafe String(cString: text)
        let lower = (words.first.map { $0.lowercased() } ?? "") + words.dropFirst()
        return "\(lower) (\(Self.symbol(errno)))"
    }

    /// Space or quota ran out (ENOSPC, EDQUOT).
    package var isOutOfSpace: Bool { errno == ENOSPC || errno == EDQUOT }

    private static func symbol(_ errno: Int32) -> String {
        guard let name = unsafe clx_errno_name(errno) else { return "errno \(errno)" }
        return unsafe String(cString: name)
    }
}

/// The one gate from a `clx_` result (value or negative errno) to a thrown error.
@discardableResult
package func check<T: SignedInteger>(
    _ result: T, _ operation: @autoclosure () -> String, on subject: @autoclosure () -> String = ""
) throws(SysError) -> T {
    guard result >= 0 else { throw SysError(Int32(-result), operation(), on: subject()) }
    return result
}

/// The same gate for glibc's calls, which return -1 and set errno; EINTR is tried again.
@discardableResult
package func checkErrno<T: BinaryInteger>(
    _ operation: @autoclosure () -> String, on subject: @autoclosure () -> String = "", _ call: () -> T
) throws(SysError) -> T {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = Glibc.errno
        if code == EINTR { continue }
        throw SysError(code, operation(), on: subject())
    }
}
