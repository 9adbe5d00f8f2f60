import Glibc
internal import LinuxSys
internal import TaskAPI

/// What the verb `delete` has to print, in a file of the bundle. A shim leaves it when it ends and nothing of its container is left:
/// containerd calls `delete` all the same, and waits for it. Who finds the file prints it before any of its libraries begin (CLinux/answer.c),
/// which is a tenth of the work.
enum DeleteAnswer {
    private static func file(in bundle: String) -> String { "\(bundle)/swiftlet-deleted" }

    /// Not on a disk, for which the loop would wait; `delete` then looks for itself, as it does after a failure here.
    static func leave(_ process: DeletedProcess, in bundle: String) {
        guard isInMemory(bundle) else { return }
        let path = file(in: bundle)
        do throws(SysError) {
            try FD.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600).writeAll(process.encoded)
        } catch { if error.errno != EEXIST { removeFile(path) } }
    }

    /// A new container begins in the bundle.
    static func forget(in bundle: String) { removeFile(file(in: bundle)) }
}
