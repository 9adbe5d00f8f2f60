internal import Cgroups
import Glibc
internal import LinuxSys

/// `start`: leaves a resident shim behind and prints its address once it serves, in the dialect in which it was asked.
///
/// The process that this runs in is the one that stays; the one that was called waits for its word (CLinux/stay.c). The address goes into the
/// bundle's file `address` as well, by which containerd up to 2.2 finds the shim after a restart, and `delete` the socket.
enum StartVerb {
    /// Returns only by throwing.
    static func run(_ words: Arguments) throws(TaskError) -> Never {
        try words.requireTask()
        let bootstrap = try Bootstrap(words, environment: variables(), input: try StandardInput.read())
        do throws(SysError) {
            guard let caller = FD.toCaller() else { throw SysError(EAGAIN, "start", on: "a process that stays") }
            try closeDescriptors(except: [caller.raw])
            let bundle = words.bundle.isEmpty ? try workingDirectory() : words.bundle
            let path = try SocketPath.of(bootstrap)
            let null = try FD.open("/dev/null", O_RDWR)
            try removeStale(path)
            DeleteAnswer.forget(in: bundle)
            // First what can fail for want of a bundle, so that nothing serves then.
            let address = "unix://\(path)"
            try replaceFile(at: "\(bundle)/address", with: Array(address.utf8), mode: 0o644)
            let daemon: Daemon
            do throws(SysError) {
                try checkErrno("setsid") { setsid() }
                try enter(bootstrap.shimCgroup)
                daemon = try Daemon(bootstrap, bundle: bundle, socketPath: path)
            } catch {
                removeFile("\(bundle)/address")
                throw error
            }
            // No directory is kept from being unmounted.
            _ = unsafe chdir("/")
            printOut(bootstrap.answer(address), to: 1)
            // Nothing of the caller's stays open: containerd waits for the end of our output.
            for number in 0...2 as ClosedRange<Int32> { try null.place(at: number) }
            printOut([0], to: caller.raw)
            try caller.close()
            try daemon.run()
            exitNow(0)
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

    /// The cgroup that was named for the shim, in every hierarchy that has it (option ShimCgroup).
    private static func enter(_ name: String) throws(SysError) {
        guard !name.isEmpty else { return }
        do throws(CgroupError) { try Cgroup.named(name).add(pid: 0) } catch {
            throw SysError(ENOENT, "join cgroup \(name): \(error), option ShimCgroup")
        }
    }
}
