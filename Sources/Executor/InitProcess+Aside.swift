internal import LinuxSys

extension InitProcess {
    /// Whoever joins a user namespace can never come back from it. So one process goes in and clones the one that is wanted, which must be
    /// its sibling, while another stays on the host as the one that does the executor's work.
    ///
    /// - Parameter make: is given what the clone needs for that.
    static func fromAside(_ supervisor: Supervisor, _ make: (CloneFlags) throws(ExecutorFailure) -> InitProcess) throws(ExecutorFailure)
        -> InitProcess
    {
        let ends = try sys { () throws(SysError) in try FD.recordPair() }
        let (host, inside) = ends.take { (FDBox($0), FDBox($1)) }
        let local = supervisor.isThisProcess
        let side = try sys { () throws(SysError) in try cloneProcess() }
        switch consume side {
        case .child:
            // An executor's own parent is the supervisor: it goes in itself, and its child goes on with the work.
            guard local else { return try receive(from: host, closing: inside) }
            send(through: inside, make)
            exitNow(0)
        case .parent(_, let other):
            if local {
                defer { _ = try? other.reap(blocking: true) }
                return try receive(from: host, closing: inside)
            }
            send(through: inside, make)
            let status = try? other.reap(blocking: true)
            exitNow(status == .code(0) ? 0 : 1)
        }
    }

    private static func send(through inside: FDBox, _ make: (CloneFlags) throws(ExecutorFailure) -> InitProcess) {
        do {
            let made = try make(.parent)
            try sys { () throws(SysError) in
                try inside.fd.send(ExecutorRecord.started(pid: made.pid).encoded, fds: [made.pidfd.raw, made.link.raw])
            }
        } catch { _ = try? inside.fd.send(ExecutorRecord.failed(error).encoded) }
    }

    private static func receive(from host: FDBox, closing inside: FDBox) throws(ExecutorFailure) -> InitProcess {
        // A copy of the other end here would hide that the other process ended.
        try sys { () throws(SysError) in try host.fd.place(at: inside.raw) }
        let message = try sys { () throws(SysError) in try host.fd.receive() }
        switch message.flatMap({ ExecutorRecord($0.bytes) }) {
        case .started(let pid):
            guard let fds = message?.fds, fds.count == 2 else { break }
            return InitProcess(pid: pid, pidfd: fds[0], link: fds[1])
        case .failed(let failure): throw failure
        default: break
        }
        throw ExecutorFailure(operation: "clone", subject: "init", reason: "the process that joined the user namespace ended")
    }
}
