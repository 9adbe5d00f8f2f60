internal import CLinux
import Glibc

/// What a program that ran to its end wrote, and how it ended.
package struct ProgramOutput: Equatable, Sendable {
    package var stdout: [UInt8] = []
    package var stderr: [UInt8] = []
    package var status: ExitStatus
}

/// The process group that a program runs in.
package enum ProgramGroup: Sendable { case callers, own }

/// Runs a program to its end. For processes with threads; blocks the calling one.
///
/// What outlives the program and keeps its stdout or stderr open does not delay the return. Output past `limit` is dropped.
///
/// - Parameters:
///   - deadline: nanoseconds after which it is killed and ETIMEDOUT thrown.
///   - input: what stands on its stdin; no more than a pipe can be made to hold (1 MiB).
///   - group: it leads a process group of its own, and past the deadline all of that is killed.
package func runProgram(
    _ path: String, _ arguments: [String], environment: [String], directory: String?, deadline: UInt64, limit: Int = 1 << 20,
    input: [UInt8] = [], group: ProgramGroup = .callers
) throws(SysError) -> ProgramOutput {
    let stdin = try input.isEmpty ? FDBox(FD.open("/dev/null", O_RDWR)) : filledPipe(input, for: path)
    let (output, outputEnd) = try FD.pipe().boxes()
    let (errors, errorsEnd) = try FD.pipe().boxes()
    let pid = try spawn(path, arguments, environment, directory, group, (stdin.raw, outputEnd.raw, errorsEnd.raw))
    let process = try FD.pidfd(of: pid)
    var run = ProgramRun(stdout: output, stderr: errors, limit: limit)
    let ended: Bool
    do throws(SysError) {
        ended = try run.follow(process, until: monotonicNanoseconds() &+ deadline)
    } catch {
        _ = try? process.signalProcess(SIGKILL)
        _ = try? process.reap(blocking: true)
        throw error
    }
    if !ended {
        // Not reaped yet: the number is still that of its group and of no other.
        if group == .own { _ = kill(-pid, SIGKILL) }
        try process.signalProcess(SIGKILL)
    }
    let status = try process.reap(blocking: true) ?? .signal(SIGKILL)
    guard ended else { throw SysError(ETIMEDOUT, "run", on: path) }
    return ProgramOutput(stdout: run.bytes[0], stderr: run.bytes[1], status: status)
}

/// A pipe with these bytes in it and nobody who writes more.
private func filledPipe(_ bytes: [UInt8], for path: String) throws(SysError) -> FDBox {
    let (reader, writer) = try FD.pipe().boxes()
    try writer.fd.setNonBlocking(true)
    if bytes.count > 65_536 { writer.fd.enlargePipe(to: bytes.count) }
    guard try writer.fd.write(bytes) == .bytes(bytes.count) else { throw SysError(EFBIG, "write the input of", on: path) }
    return reader
}

private func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], _ directory: String?, _ group: ProgramGroup,
    _ ends: (Int32, Int32, Int32)
) throws(SysError) -> Int32 {
    var pid: Int32 = -1
    unsafe withCStrings([path] + arguments) { argv in
        unsafe withCStrings(environment) { envp in
            if let directory {
                pid = unsafe clx_spawn(path, argv, envp, directory, group == .own ? 1 : 0, ends.0, ends.1, ends.2)
            } else {
                pid = unsafe clx_spawn(path, argv, envp, nil, group == .own ? 1 : 0, ends.0, ends.1, ends.2)
            }
        }
    }
    return try check(pid, "run", on: directory.map { "\(path) in \($0)" } ?? path)
}

/// The two pipes of a program that runs.
private struct ProgramRun {
    let pipes: [FDBox]
    let limit: Int
    var open = [true, true]
    var bytes: [[UInt8]] = [[], []]

    init(stdout: FDBox, stderr: FDBox, limit: Int) {
        pipes = [stdout, stderr]
        self.limit = limit
    }

    /// Collects until the process has ended; false: the time was up first.
    mutating func follow(_ process: borrowing FD, until end: UInt64) throws(SysError) -> Bool {
        for pipe in pipes { try pipe.fd.setNonBlocking(true) }
        while true {
            let now = monotonicNanoseconds()
            guard now < end else { return false }
            var entries = [pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)]
            // A closed pipe is left out by its negative number (poll(2)).
            for index in 0...1 { entries.append(pollfd(fd: open[index] ? pipes[index].raw : -1, events: Int16(POLLIN), revents: 0)) }
            let wait = Int32(clamping: (end - now) / 1_000_000 + 1)
            try checkErrno("poll") { unsafe poll(&entries, 3, wait) }
            for index in 0...1 where open[index] { try drain(index) }
            // Ended: what it had written is in the pipes, and was read just now.
            if entries[0].revents != 0 { return true }
        }
    }

    private mutating func drain(_ index: Int) throws(SysError) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            switch try pipes[index].fd.read(into: &buffer) {
            case .bytes(let count): bytes[index].append(contentsOf: buffer[..<min(count, max(0, limit - bytes[index].count))])
            case .wouldBlock: return
            case .ended:
                open[index] = false
                return
            }
        }
    }
}

extension FDPair {
    fileprivate consuming func boxes() -> (FDBox, FDBox) { take { (FDBox($0), FDBox($1)) } }
}
