internal import EventLoop
import Glibc
internal import LinuxSys

/// The process that stands for a sandbox: it keeps the namespaces that its containers share (IPC, host name, processes, and the network
/// that was made for it) and reaps what they orphan. It ends with the shim.
final class SandboxHolder {
    let pid: Int32
    private let pidfd: FDBox
    private(set) var isAlive = true

    /// - Parameter ended: it is gone, whoever has killed it.
    init(loop: EventLoop, netns: String, ended: @escaping () -> Void) throws(SysError) {
        // Opened here, so that a path that is not there is an error of the call.
        let network = netns.isEmpty ? nil : FDBox(try FD.open(netns, O_RDONLY))
        if let network, try network.fd.namespaceKind() != .newNetwork {
            throw SysError(EINVAL, "join the network namespace", on: netns)
        }
        switch try cloneProcess([.newIPC, .newUTS, .newPID]) {
        case .child: Self.hold(network)
        case .parent(let number, let descriptor):
            pid = number
            pidfd = FDBox(descriptor)
        }
        let watch = ChildWatch(loop: loop) { [weak self] _ in
            self?.isAlive = false
            ended()
        }
        try watch.watch(pidfd, pid: pid)
    }

    func end() { if isAlive { try? pidfd.fd.signalProcess(SIGKILL) } }

    /// As the first process of its namespace it gets no signal that it has no handler for (pid_namespaces(7)); children that it
    /// does not wait for are not kept when SIGCHLD is ignored (wait(2)).
    private static func hold(_ network: FDBox?) -> Never {
        do throws(SysError) {
            try ProcessControl.endWithParent()
            if let network { try joinNamespace(network.fd, .newNetwork, name: "the sandbox's network") }
            try closeDescriptors(from: 3)
            try resetSignals()
            try ignoreSignal(SIGCHLD)
            ProcessControl.setName("swiftlet-pod")
            while true { pause() }
        } catch { exitNow(1) }
    }
}
