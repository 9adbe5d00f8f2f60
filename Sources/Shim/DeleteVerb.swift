internal import Executor
import Glibc
internal import LinuxSys
internal import TaskAPI

/// `delete`: another process, called when the shim is gone or does not answer. It ends what is left (the shim too), removes it from the
/// host, and tells how the container ended: as the record in the bundle says, or 137 at the time it is seen dead. May be called again.
enum DeleteVerb {
    static func run(_ arguments: Arguments, warn: (String) -> Void) throws(TaskError) -> [UInt8] {
        try arguments.requireTask()
        do throws(SysError) {
            let bundle = arguments.bundle.isEmpty ? try workingDirectory() : arguments.bundle
            try endShim(arguments, bundle: bundle, warn: warn)
            let record = readRecord(bundle, warn: warn)
            var seenDead: UInt64?
            if let record {
                seenDead = try endInit(record)
                try removeRemains(record, bundle: bundle)
            }
            try unmountIfMounted("\(bundle)/rootfs")
            let ending = record?.ending ?? Ending(status: 137, time: seenDead ?? realtimeNanoseconds())
            let pid = UInt32(bitPattern: record?.pid ?? 0)
            return DeletedProcess(pid: pid, exitStatus: ending.status, exitedAt: ending.time).encoded
        } catch { throw .kernel(error) }
    }

    private static func readRecord(_ bundle: String, warn: (String) -> Void) -> TaskRecord? {
        let path = "\(bundle)/\(TaskRecord.fileName)"
        do {
            return try TaskRecord(parsing: try FD.open(path, O_RDONLY).readAll(limit: 1 << 20))
        } catch let error as SysError where error.errno == ENOENT {
            return nil  // nothing was ever created
        } catch {
            warn("\(error)")
            return nil
        }
    }

    /// A shim that still listens would go on acting on the container. Who listens is who called listen(2) (SO_PEERCRED, unix(7)).
    private static func endShim(_ arguments: Arguments, bundle: String, warn: (String) -> Void) throws(SysError) {
        let path = SocketPath.of(arguments, bundle: bundle)
        if let socket = try? FD.connect(to: path), let peer = try? socket.peerCredentials(), peer.uid == effectiveUserID(), peer.pid > 1 {
            do throws(SysError) {
                let pidfd = try FD.pidfd(of: peer.pid)
                try pidfd.signalProcess(SIGKILL)
                if try !pidfd.waitReadable(milliseconds: 10_000) { warn("shim \(peer.pid): still there 10 s after SIGKILL") }
            } catch { if error.errno != ESRCH { throw error } }
        }
        removeFile(path)
        for (container, exec, ending) in ExitStore.take(socket: path) {
            warn("exec \(exec) of \(container) had ended with status \(ending.status) when the shim ended")
        }
    }

    /// The time at which init is seen dead when this call has ended it; nil when it was dead before, or is another by now.
    private static func endInit(_ record: TaskRecord) throws(SysError) -> UInt64? {
        guard record.pid > 1, record.ending == nil else { return nil }
        let pidfd: FD
        do throws(SysError) { pidfd = try FD.pidfd(of: record.pid) } catch {
            if error.errno == ESRCH { return nil }
            throw error
        }
        // Compared after the pidfd is open: from then on it means one process for good.
        guard processStartTime(record.pid) == record.startTime else { return nil }
        try pidfd.signalProcess(SIGKILL)
        guard try pidfd.waitReadable(milliseconds: 10_000) else {
            throw SysError(ETIMEDOUT, "kill init of \(record.id)", on: "pid \(record.pid)")
        }
        return realtimeNanoseconds()
    }

    /// The executor's clean-up: what is in the cgroup is killed, the cgroup removed, poststop hooks run.
    private static func removeRemains(_ record: TaskRecord, bundle: String) throws(SysError) {
        var reference = ContainerReference(id: record.id, bundle: bundle, pid: 0, pidfd: -1, cgroup: record.cgroup)
        reference.options = record.options
        let (pidfd, channel) = try launchExecutor(.delete(reference)).take { pidfd, channel in (FDBox(pidfd), FDBox(channel)) }
        guard try pidfd.fd.waitReadable(milliseconds: 60_000) else {
            try? pidfd.fd.signalProcess(SIGKILL)
            throw SysError(ETIMEDOUT, "clean up", on: record.id)
        }
        let status = try pidfd.fd.reap(blocking: true)
        while let (bytes, _) = try? channel.fd.receive(limit: 16_384) {
            guard case .failed(let failure) = ExecutorRecord(bytes) else { continue }
            throw SysError(failure.errno == 0 ? EIO : failure.errno, failure.operation, on: failure.subject)
        }
        guard status == .code(0) else { throw SysError(EIO, "clean up", on: record.id) }
    }
}
