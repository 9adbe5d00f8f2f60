import Glibc
internal import LinuxSys

/// `start`: leaves a resident shim behind and prints its address once it serves.
///
/// This is containerd 1.6's dialect: flags and environment in, `unix://PATH` out, and the address in the bundle's file `address`,
/// by which containerd finds the shim after a restart. 1.7 to 2.2 take the same answer for a shim of version 2.
enum StartVerb {
    static func run(_ arguments: Arguments) throws(TaskError) -> String {
        try arguments.requireTask()
        do throws(SysError) {
            try closeDescriptors(from: 3)
            let bundle = arguments.bundle.isEmpty ? try workingDirectory() : arguments.bundle
            let directory = environment("SWIFTLET_SOCKET_DIR") ?? SocketPath.defaultDirectory
            let path = SocketPath.of(address: arguments.address, namespace: arguments.namespace, id: arguments.id, directory: directory)
            try makePrivateDirectory(directory)
            try removeStale(path)
            // First what can fail for want of a bundle, so that no daemon is left behind then.
            let address = "unix://\(path)"
            try replaceFile(at: "\(bundle)/address", with: Array(address.utf8), mode: 0o644)
            do throws(SysError) { try leaveDaemon(arguments, bundle: bundle, path: path) } catch {
                removeFile("\(bundle)/address")
                throw error
            }
            return address
        } catch { throw .kernel(error) }
    }

    /// A socket file whose shim is dead is removed; one that is served is not ours to take.
    private static func removeStale(_ path: String) throws(SysError) {
        do throws(SysError) {
            _ = try FD.connect(to: path)
        } catch {
            if error.errno == ENOENT { return }
            guard error.errno == ECONNREFUSED else { throw error }
            return removeFile(path)
        }
        throw SysError(EADDRINUSE, "start: a shim of this container is alive at", on: path)
    }

    /// The daemon's first words on the pipe: nothing but its end means that it died, otherwise `ok` or an error.
    private static func leaveDaemon(_ arguments: Arguments, bundle: String, path: String) throws(SysError) {
        var (reader, writer): (FDBox, FDBox?) = try FD.pipe().take { first, second in (FDBox(first), FDBox(second)) }
        switch try cloneProcess() {
        case .child: become(arguments, bundle, path, reportingTo: writer?.raw ?? -1)
        case .parent(let pid, let pidfd):
            writer = nil  // so that the daemon's is the last
            let word = String(decoding: try reader.fd.readAll(limit: 4096), as: UTF8.self)
            if word == "ok" { return }
            _ = try? pidfd.reap(blocking: true)
            throw SysError(ECHILD, word.isEmpty ? "start the shim (pid \(pid)): it ended at once" : word)
        }
    }

    private static func become(_ arguments: Arguments, _ bundle: String, _ path: String, reportingTo pipe: Int32) -> Never {
        do throws(SysError) {
            try detach(keeping: pipe)
            let daemon = try Daemon(arguments, bundle: bundle, socketPath: path)
            printOut(Array("ok".utf8), to: pipe)
            _ = close(pipe)
            try daemon.run()
            exitNow(0)
        } catch {
            printOut(Array(error.description.utf8), to: pipe)
            exitNow(1)
        }
    }

    /// A session of its own, nothing of the caller's open: containerd waits for the end of our output.
    private static func detach(keeping pipe: Int32) throws(SysError) {
        try checkErrno("setsid") { setsid() }
        try checkErrno("chdir", on: "/") { unsafe chdir("/") }
        let null = try FD.open("/dev/null", O_RDWR)
        for number in 0...2 as ClosedRange<Int32> { try null.place(at: number) }
    }
}
