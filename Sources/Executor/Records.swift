package import Cgroups
package import LinuxSys

/// What crosses the socket (SOCK_SEQPACKET, one record a datagram) between an executor, the container's process and the supervisor.
///
/// Wire format, all integers little-endian: one byte kind, then
///
///     1 started   int32 pid                                   + 1 descriptor (pidfd)
///     2 console                                               + 1 descriptor (pty master)
///     3 cgroup    per entry: text controller, text directory
///     4 ready                                                 the container is created, init waits at its gate
///     5 failed    int32 errno (0: not from the kernel), text operation, text subject, text reason
///     6 warning   text
///     7 done                                                  poststart and delete have finished
///     8 span      uint64 start, uint64 end (ns since 1970), text name      only when the job is traced
///     16 start                                                supervisor → init: execute the program
///
/// with text = uint16 length, UTF-8 bytes. The end of the stream after `ready` means that the program was executed
/// (the socket is close-on-exec) or that the process died: the pidfd tells which.
package enum ExecutorRecord: Equatable, Sendable {
    case started(pid: Int32)
    case console
    case cgroup(CgroupPaths)
    case ready
    case failed(ExecutorFailure)
    case warning(String)
    case done
    case span(name: String, start: UInt64, end: UInt64)
    case start
}

/// Why a job or a step failed: `mount proc on /proc: permission denied (EACCES)`.
package struct ExecutorFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package var errno: Int32
    package var operation: String
    package var subject: String
    package var reason: String

    package init(operation: String, subject: String, reason: String) {
        self.errno = 0
        self.operation = operation
        self.subject = subject
        self.reason = reason
    }

    package init(_ error: SysError) {
        errno = error.errno
        operation = error.operation
        subject = error.subject
        reason = error.reason
    }

    static let openBundle = "open bundle"
    /// The directory of the bundle is not there.
    package var isMissingBundle: Bool { operation == Self.openBundle && errno == 2 /* ENOENT */ }

    package var description: String { subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)" }
}

extension ExecutorRecord {
    package var encoded: [UInt8] {
        var out = RecordWriter(kind: kind)
        switch self {
        case .console, .ready, .done, .start: break
        case .started(let pid): out.put(pid)
        case .cgroup(let paths):
            for entry in paths.entries {
                out.put(entry.controller)
                out.put(entry.path)
            }
        case .failed(let failure):
            out.put(failure.errno)
            out.put(failure.operation)
            out.put(failure.subject)
            out.put(failure.reason)
        case .warning(let text): out.put(text)
        case .span(let name, let start, let end):
            out.put(start)
            out.put(end)
            out.put(name)
        }
        return out.bytes
    }

    /// Nil for bytes that are no record.
    package init?(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        var reader = RecordReader(bytes: bytes, at: 1)
        switch kind {
        case 1:
            guard let pid = reader.int32() else { return nil }
            self = .started(pid: pid)
        case 2: self = .console
        case 3:
            var entries: [Cgroup.Directory] = []
            while !reader.atEnd {
                guard let controller = reader.text(), let directory = reader.text() else { return nil }
                entries.append(.init(controller: controller, path: directory))
            }
            self = .cgroup(CgroupPaths(entries))
        case 4: self = .ready
        case 5:
            guard let errno = reader.int32(), let operation = reader.text(), let subject = reader.text(), let reason = reader.text() else {
                return nil
            }
            var failure = ExecutorFailure(operation: operation, subject: subject, reason: reason)
            failure.errno = errno
            self = .failed(failure)
        case 6:
            guard let text = reader.text() else { return nil }
            self = .warning(text)
        case 7: self = .done
        case 8:
            guard let start = reader.uint64(), let end = reader.uint64(), let name = reader.text() else { return nil }
            self = .span(name: name, start: start, end: end)
        case 16: self = .start
        default: return nil
        }
        guard reader.atEnd else { return nil }
    }

    private var kind: UInt8 {
        switch self {
        case .started: 1
        case .console: 2
        case .cgroup: 3
        case .ready: 4
        case .failed: 5
        case .warning: 6
        case .done: 7
        case .span: 8
        case .start: 16
        }
    }
}

private struct RecordWriter {
    var bytes: [UInt8]
    init(kind: UInt8) { bytes = [kind] }

    mutating func put(_ number: Int32) {
        let bits = UInt32(bitPattern: number)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }

    mutating func put(_ number: UInt64) {
        for shift in 0..<8 as Range<UInt64> { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
    }

    /// Longer than 65 535 bytes is cut.
    mutating func put(_ text: String) {
        let utf8 = text.utf8.prefix(65_535)
        bytes.append(UInt8(truncatingIfNeeded: utf8.count))
        bytes.append(UInt8(truncatingIfNeeded: utf8.count >> 8))
        bytes += utf8
    }
}

private struct RecordReader {
    let bytes: [UInt8]
    var at: Int
    var atEnd: Bool { at == bytes.count }

    mutating func int32() -> Int32? {
        guard bytes.count - at >= 4 else { return nil }
        defer { at += 4 }
        var bits: UInt32 = 0
        for offset in 0..<4 { bits |= UInt32(bytes[at + offset]) << UInt32(8 * offset) }
        return Int32(bitPattern: bits)
    }

    mutating func uint64() -> UInt64? {
        guard bytes.count - at >= 8 else { return nil }
        defer { at += 8 }
        return (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
    }

    mutating func text() -> String? {
        guard bytes.count - at >= 2 else { return nil }
        let count = Int(bytes[at]) | Int(bytes[at + 1]) << 8
        guard bytes.count - at - 2 >= count else { return nil }
        defer { at += 2 + count }
        return String(decoding: bytes[(at + 2)..<(at + 2 + count)], as: UTF8.self)
    }
}
