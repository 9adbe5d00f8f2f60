package import Cgroups
import Glibc
package import LinuxSys

/// One criu in its service mode (`criu swrk`): a child of this process with the one end of a socket of records as descriptor 3.
package final class CriuSession {
    /// What criu says while it works.
    package struct Notice {
        package let script: String
        package let pid: Int32?
        package let descriptor: FDBox?
    }

    private let operation: String
    /// Nil when all has been said: criu ends when it finds the other end closed.
    private var socket: FDBox?
    private let process: FDBox
    /// What it writes to standard error before it has a log.
    private let said: FDBox
    private let logPath: String
    private let isOwnChild: Bool

    /// - Parameter lent: what becomes descriptor 4 and so on of criu.
    /// - Parameter group: joined by criu before it begins, and so by what it restores.
    /// - Parameter flags: `.parent` makes criu, and with it what it restores, a child of this process' parent.
    package init(_ operation: String, program: String, logPath: String, lent: [FDBox], group: Cgroup?, flags: CloneFlags = [])
        throws(ExecutorFailure)
    {
        self.operation = operation
        self.logPath = logPath
        isOwnChild = !flags.contains(.parent)
        let path = try Self.find(program, for: operation)
        // An older one would be taken for this criu's.
        _ = unsafe unlink(logPath)
        let ends = try sys { () throws(SysError) in try FD.recordPair() }
        let (ours, theirs) = ends.take { (FDBox($0), FDBox($1)) }
        let output = FDBox(try sys { () throws(SysError) in try FD.memory("criu") })
        (socket, said) = (ours, output)
        let side = try sys { () throws(SysError) in try cloneProcess(flags) }
        switch consume side {
        case .parent(_, let pidfd): process = FDBox(pidfd)
        case .child: Self.become(path, theirs, lent, output, group)
        }
    }

    /// Installed or not is the first thing to tell.
    package static func find(_ program: String, for operation: String) throws(ExecutorFailure) -> String {
        do { return try ProgramSearch(environment: currentEnvironment()).find(program) } catch {
            throw ExecutorFailure(operation: "criu", subject: operation, reason: "\(program) is not installed: \(error)")
        }
    }

    /// Numbers that are needed as sources must not be overwritten first: all are moved out of the way, then into their places.
    private static func become(_ path: String, _ socket: FDBox, _ lent: [FDBox], _ output: FDBox, _ group: Cgroup?) -> Never {
        do throws(SysError) {
            let null = FDBox(try FD.open("/dev/null", O_RDWR))
            var high: [FDBox] = []
            for box in [null, output, output, socket] + lent { high.append(FDBox(try box.fd.duplicate(from: 64))) }
            if let group { do { try group.add(pid: 0) } catch { throw SysError(EACCES, "join", on: "\(error)") } }
            for (number, box) in high.enumerated() { try box.fd.place(at: Int32(number)) }
            try markCloseOnExec(from: Int32(high.count))
            try resetSignals()
            try execute(path, [path, "swrk", "3"], currentEnvironment())
        } catch {
            _ = try? output.fd.writeAll(Array(error.description.utf8))
            exitNow(127)
        }
    }

    /// Hands the request over and follows it to its end: the pid of what was restored, or nil.
    package func run(_ request: CriuRequest, notice: (Notice) throws(ExecutorFailure) -> Void) throws(ExecutorFailure) -> Int32? {
        guard let socket else { throw ExecutorFailure(operation: "criu", subject: operation, reason: "it has ended") }
        // Who could not even begin has said why.
        do { try socket.fd.send(request.encoded) } catch { throw failure(error.reason) }
        while true {
            let message: (bytes: [UInt8], fds: [FDBox])?
            do { message = try socket.fd.receive() } catch { throw failure(error.reason) }
            guard let message else { throw failure(nil) }
            guard let response = ProtobufMessage(message.bytes), let kind = response.int32(1) else {
                throw failure("it sent what is no answer")
            }
            guard response.flag(2) else { throw failure(response.text(9)) }
            guard kind == Int32(CriuRequest.Kind.notify.rawValue) else {
                end()
                return response.message(4)?.int32(1)
            }
            let notify = response.message(5)
            try notice(Notice(script: notify?.text(1) ?? "", pid: notify?.int32(2), descriptor: message.fds.first))
            try sys { () throws(SysError) in try socket.fd.send(CriuRequest.goOn) }
        }
    }

    private func end() {
        socket = nil
        guard isOwnChild else {
            // Its parent reaps it.
            _ = try? pollDescriptors([(process.raw, Int16(POLLIN))], milliseconds: 60_000)
            return
        }
        _ = try? process.fd.reap(blocking: true)
    }

    /// A criu that finds nobody to answer it undoes what it has done so far.
    package func abandon() { end() }

    /// With the last that criu says about it, and where the rest is to be read.
    private func failure(_ reason: String?) -> ExecutorFailure {
        end()
        var log = (try? FD.open(logPath, O_RDONLY).readAll(limit: 64 << 20)) ?? []
        let hasLog = !log.isEmpty
        if !hasLog {
            _ = lseek(said.raw, 0, SEEK_SET)
            log = (try? said.fd.readAll(limit: 1 << 20)) ?? []
        }
        let last = Self.lastError(log) ?? reason ?? "it ended without a word"
        return ExecutorFailure(operation: "criu", subject: operation, reason: hasLog ? "\(last) (\(logPath))" : last)
    }

    /// The last line that says Error, or else the last line.
    static func lastError(_ log: [UInt8]) -> String? {
        let lines = log.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
        return lines.last { $0.contains("Error") } ?? lines.last
    }
}
