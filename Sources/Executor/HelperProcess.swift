import Glibc
internal import LinuxSys

/// A program of the host that runs for the executor, in a session of its own. Its input and its output are files in memory, so that no pipe can fill or stay open.
struct HelperProcess {
    private let pid: Int32
    private let pidfd: FDBox
    private let said: FDBox

    init(_ path: String, _ arguments: [String], _ environment: [String], input: [UInt8] = []) throws(SysError) {
        let state = try FD.memory("state")
        try state.writeAll(input)
        try checkErrno("lseek") { lseek(state.raw, 0, SEEK_SET) }
        said = FDBox(try FD.memory("output"))
        let side = try cloneProcess()
        switch consume side {
        case .child:
            do {
                try startSession()
                try state.place(at: 0)
                try said.fd.place(at: 1)
                try said.fd.place(at: 2)
                try markCloseOnExec(from: 3)
                try resetSignals()
                // Of a runtime that is killed no hook goes on.
                try ProcessControl.endWithParent()
                try execute(path, arguments, environment)
            } catch {
                _ = try? said.fd.writeAll(Array(error.reason.utf8))
                exitNow(127)
            }
        case .parent(let pid, let pidfd): (self.pid, self.pidfd) = (pid, FDBox(pidfd))
        }
    }

    /// Nil when the time is over; the process is killed then, with what it started, and reaped.
    func wait(seconds: Int64?) throws(SysError) -> ExitStatus? {
        let deadline = seconds.map { monotonicNanoseconds() + UInt64($0) * 1_000_000_000 }
        while true {
            var pause: Int32 = -1
            if let deadline {
                let now = monotonicNanoseconds()
                if now >= deadline { break }
                pause = Int32(min((deadline - now) / 1_000_000 + 1, 60_000))
            }
            if try pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: pause)[0] != 0 { return try pidfd.fd.reap(blocking: true) }
        }
        try pidfd.fd.signalProcess(SIGKILL)
        // Its number is its group's, and belongs to it until it is reaped.
        _ = kill(-pid, SIGKILL)
        _ = try pidfd.fd.reap(blocking: true)
        return nil
    }

    /// The last of what it wrote, on one line.
    var output: String {
        let size = lseek(said.raw, 0, SEEK_END)
        _ = lseek(said.raw, max(0, size - 512), SEEK_SET)
        let bytes = (try? said.fd.readAll(limit: 4096)) ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.joined(separator: "; ")
    }
}
