internal import Cgroups
import Glibc
internal import LinuxSys

/// `start`: leaves a resident shim behind and prints its address once it serves, in the dialect in which it was asked.
///
/// The address goes into the bundle's file `address` as well, by which containerd up to 2.2 finds the shim after a restart, and `delete`
/// the socket.
enum StartVerb {
    static func run(_ words: Arguments) throws(TaskError) -> [UInt8] {
        try words.requireTask()
        let bootstrap = try Bootstrap(words, environment: variables(), input: try StandardInput.read())
        do throws(SysError) {
            try closeDescriptors(from: 3)
            let bundle = words.bundle.isEmpty ? try workingDirectory() : words.bundle
            let path = try SocketPath.of(bootstrap)
            try removeStale(path)
            DeleteAnswer.forget(in: bundle)
            // First what can fail for want of a bundle, so that no daemon is left behind then.
            let address = "unix://\(path)"
            try replaceFile(at: "\(bundle)/address", with: Array(address.utf8), mode: 0o644)
            do throws(SysError) { try leaveDaemon(bootstrap, bundle: bundle, path: path) } catch {
                removeFile("\(bundle)/address")
                throw error
            }
            return bootstrap.answer(address)
        } catch { throw .kernel(error) }
    }

    private static func variables() -> [String: String] {
        var result: [String: String] = [:]
        for name in ["TTRPC_ADDRESS", "MAX_SHIM_VERSION"] { result[name] = environment(name) }
        return result
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
    private static func leaveDaemon(_ bootstrap: Bootstrap, bundle: String, path: String) throws(SysError) {
        var (reader, writer): (FDBox, FDBox?) = try FD.pipe().take { first, second in (FDBox(first), FDBox(second)) }
        switch try cloneProcess() {
        case .child: become(bootstrap, bundle, path, reportingTo: writer?.raw ?? -1)
        case .parent(let pid, let pidfd):
            writer = nil  // so that the daemon's is the last
            let word = String(decoding: try reader.fd.readAll(limit: 4096), as: UTF8.self)
            if word == "ok" { return }
            _ = try? pidfd.reap(blocking: true)
            throw SysError(ECHILD, word.isEmpty ? "start the shim (pid \(pid)): it ended at once" : word)
        }
    }

    private static func become(_ bootstrap: Bootstrap, _ bundle: String, _ path: String, reportingTo pipe: Int32) -> Never {
        do throws(SysError) {
            try detach(keeping: pipe)
            try enter(bootstrap.shimCgroup)
            let daemon = try Daemon(bootstrap, bundle: bundle, socketPath: path)
            printOut(Array("ok".utf8), to: pipe)
            _ = close(pipe)
            try daemon.run()
            exitNow(0)
        } catch {
            printOut(Array(error.description.utf8), to: pipe)
            exitNow(1)
        }
    }

    /// The cgroup that was named for the shim, in every hierarchy that has it (option ShimCgroup).
    private static func enter(_ name: String) throws(SysError) {
        guard !name.isEmpty else { return }
        do throws(CgroupError) { try Cgroup.named(name).add(pid: 0) } catch {
            throw SysError(ENOENT, "join cgroup \(name): \(error), option ShimCgroup")
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
