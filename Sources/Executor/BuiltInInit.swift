import Glibc
internal import LinuxSys
internal import OCI

/// The built-in init: a container whose program reaps no orphans and minds no signals as the first process gets one that does
/// (CLinux/init.c), by the annotation `io.swiftlet.init=true`. The image needs nothing for it.
enum BuiltInInit {
    static let annotation = "io.swiftlet.init"

    static func isWanted(_ spec: RuntimeSpec) throws(ExecutorFailure) -> Bool {
        switch spec.annotations[annotation] {
        case nil, "false", "": return false
        case "true": return true
        case let other?:
            throw ExecutorFailure(
                operation: "config.json", subject: "annotations[\(annotation)]", reason: "true or false expected, found \(other)")
        }
    }

    /// Splits this process in two: it executes the runtime's own file as init, and its child comes back from here, to become the program.
    ///
    /// The child waits until init is at its place. What the channel of the supervisor tells then comes from the child alone: init's copy
    /// closes with its exec.
    static func splitOff(_ host: HostPlace) throws(SysError) {
        // Of the host's own procfs: the sealed file that the executor runs from (CVE-2019-5736).
        let program = FDBox(try host.proc.fd.open("self/exe", openPathOnly, resolve: []))
        let (gate, door) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
        // No signal is lost between here and there; the program's are unblocked before its exec.
        try blockSignals()
        let side = try cloneProcess()
        switch consume side {
        case .child:
            try gate.fd.place(at: door.raw)
            try markCloseOnExec(from: door.raw)
            // The end of it: init was executed.
            _ = try gate.fd.readAll(limit: 1)
            try leadProcessGroup()
        case .parent(let pid, let pidfd):
            do throws(SysError) {
                try execute(program.fd, ["swiftlet-init", "\(pid)"], [], name: "the built-in init")
            } catch {
                try? pidfd.signalProcess(SIGKILL)
                throw error
            }
        }
    }
}
