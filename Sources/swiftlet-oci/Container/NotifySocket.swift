import Glibc
import LinuxSys
import OCI

/// sd_notify(3) for a container: its own socket, `ROOT/ID/notify/notify.sock` on the host, from which the word that it is ready goes
/// to the NOTIFY_SOCKET of the caller, along with the pid to watch. Nothing else that a container says reaches the host's manager.
struct NotifySocket {
    static let placeInContainer = "/run/notify"

    private let host: String
    private let directory: String

    /// Nil when the caller has no such socket.
    init?(_ store: StateStore, _ id: String) {
        guard let host = environmentValue("NOTIFY_SOCKET"), !host.isEmpty else { return nil }
        self.host = host
        directory = "\(store.directory(id))/notify"
    }

    var mount: MountSpec {
        MountSpec(
            destination: Self.placeInContainer, type: "bind", source: directory, options: ["bind", "nosuid", "noexec", "nodev", "ro"])
    }

    /// Before the container's mounts are made.
    func makeDirectory() throws(CommandError) {
        guard unsafe mkdir(directory, 0o755) == 0 else { throw .kernel(SysError(errno, "mkdir", on: directory)) }
    }

    /// Before the container's program is executed.
    func bind() throws(CommandError) -> FDBox {
        try kernel { () throws(SysError) in
            let place = try FD.open(directory, openPathOnly | O_DIRECTORY)
            return FDBox(try FD.listenForDatagrams(at: "/proc/self/fd/\(place.raw)/notify.sock"))
        }
    }

    /// Waits until the container says that it is ready, or has ended.
    func relay(from socket: FDBox, of process: FDBox, pid: Int32) throws(CommandError) {
        while true {
            let found = try kernel { () throws(SysError) in
                try pollReadable([socket.raw, process.raw], milliseconds: -1)
            }
            if found[0], let word = Self.readiness(socket) { return try tell(word, pid: pid, waiting: true) }
            if found[1] { return }
        }
    }

    /// What waits in the socket that begins with READY=; nil when nothing does.
    static func readiness(_ socket: FDBox) -> [UInt8]? {
        while let message = try? socket.fd.receive(limit: 4096) {
            let lines = message.bytes.split(separator: 0x0a)
            if let line = lines.first(where: { $0.starts(with: "READY=".utf8) }) { return Array(line) }
        }
        return nil
    }

    /// sd_notify_barrier(3): a manager that has read everything closes the descriptor that it got last. One that does not know of it
    /// is not waited for longer than half a minute.
    func tell(_ word: [UInt8], pid: Int32, waiting: Bool) throws(CommandError) {
        try kernel { () throws(SysError) in
            let manager = try FD.connectForDatagrams(to: host)
            try manager.send(word + [0x0a])
            try manager.send(Array("MAINPID=\(pid)\n".utf8))
            guard waiting else { return }
            let (ours, theirs) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
            try manager.send(Array("BARRIER=1".utf8), fds: [theirs.raw])
            // This process' own copy would keep it open.
            try ours.fd.duplicate().place(at: theirs.raw)
            _ = try pollDescriptors([(ours.raw, Int16(POLLIN))], milliseconds: 30_000)
        }
    }
}
