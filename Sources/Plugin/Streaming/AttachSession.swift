internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import Synchronization

/// A client at the streams of a container's own program. What the program says still goes into the log, and to every other client.
///
/// The writer of the log, which belongs to the shim, copies what it reads into each FIFO of the bundle's directory `attach` whose name ends
/// with the stream's (Shim/AttachTees.swift).
struct AttachSession: Sendable {
    let container: ContainerActor
    let wishes: StreamWishes

    /// Returns the container's exit code when it has ended and all its output is sent. A client that goes leaves the container as it is;
    /// with `stdin_once` its stdin then ends.
    func run(_ client: some StreamClient) async throws -> UInt32 {
        let access = try await container.attachAccess(wishes)
        let directory = access.bundle + "/" + AttachFiles.directory
        let name = String(Identifier.make().prefix(16))
        let (wishes, container) = (wishes, container)
        let names: [OutputName] = (wishes.stdout ? [.stdout] : []) + (wishes.stderr && !access.terminal ? [.stderr] : [])
        let tees = try await offPool { try AttachFiles(directory, session: name, outputs: names) }
        defer { tees.remove() }
        try await client.started()
        let descriptors = try tees.takeReaders()
        let streams = SessionStreams(
            client: client, stdin: wishes.stdin ? directory + "/stdin" : nil, outputs: zip(names, descriptors).map { ($0, $1) },
            resize: { size in try? await access.shim.resize(size) },
            endInput: { if access.stdinOnce { try? await access.shim.closeInput() } })
        do {
            return try await streams.run {
                let code = try await container.exitCode { () throws(PluginError) in try tees.check(container.id) }
                // All that it said is in the FIFOs by now: they end behind it.
                tees.closeWriters()
                return code
            }
        } catch {
            if wishes.stdin, access.stdinOnce { await evenIfCancelled { try? await access.shim.closeInput() } }
            throw error
        }
    }
}

/// The FIFOs of one attached client. Each is opened before it gets its name, so that whoever finds it finds a reader.
final class AttachFiles: Sendable {
    /// In a container's bundle.
    static let directory = "attach"

    private let paths: [String]
    private let readers: [FDBox]
    /// Ours, which keep the FIFOs from ending while nobody else writes.
    private let writers: Mutex<[FDBox]>

    init(_ directory: String, session: String, outputs: [OutputName]) throws(SysError) {
        var (paths, readers, writers): ([String], [FDBox], [FDBox]) = ([], [], [])
        do throws(SysError) {
            for output in outputs {
                let (new, path) = ("\(directory)/\(session).new", "\(directory)/\(session).\(output)")
                try checkErrno("mkfifo", on: new) { unsafe mkfifo(new, 0o600) }
                paths.append(new)
                readers.append(FDBox(try FD.open(new, O_RDONLY | O_NONBLOCK)))
                writers.append(FDBox(try FD.open(new, O_WRONLY | O_NONBLOCK)))
                try checkErrno("rename", on: path) { unsafe rename(new, path) }
                paths[paths.count - 1] = path
            }
        } catch {
            for path in paths { _ = unsafe unlink(path) }
            throw error
        }
        (self.paths, self.readers) = (paths, readers)
        self.writers = Mutex(writers)
    }

    /// Descriptors that the caller owns from now on, one for each output.
    func takeReaders() throws(SysError) -> [Int32] {
        var result: [Int32] = []
        for reader in readers { result.append(try reader.fd.duplicate().release()) }
        return result
    }

    func closeWriters() { writers.withLock { $0 = [] } }

    /// Throws when the writer of the log has dropped this client, which took nothing for too long.
    func check(_ container: String) throws(PluginError) {
        for path in paths where unsafe access(path, F_OK) != 0 { throw .laggingClient(container) }
    }

    /// A reader that is gone is how the writer learns of it.
    func remove() {
        closeWriters()
        for path in paths { _ = unsafe unlink(path) }
    }

    /// At create: the directory, and the FIFO for input. The bundle's owner alone gets in.
    static func prepare(bundle: String, stdin: Bool) throws(SysError) {
        let directory = bundle + "/" + directory
        try Directory.make(directory, mode: 0o700)
        guard stdin else { return }
        try checkErrno("mkfifo", on: directory) { unsafe mkfifo(directory + "/stdin", 0o600) }
    }
}

extension ContainerActor {
    struct AttachAccess: Sendable {
        var shim: ShimLink
        var bundle: String
        var terminal: Bool
        var stdinOnce: Bool
    }

    /// For a client that wants to be at the container's streams.
    func attachAccess(_ wishes: StreamWishes) throws(PluginError) -> AttachAccess {
        let config = memory.config
        try wishes.check()
        guard wishes.terminal == config.tty else {
            throw .invalid(field: "tty", reason: config.tty ? "the container has a terminal" : "the container has no terminal")
        }
        guard !wishes.stdin || config.stdin else { throw .invalid(field: "stdin", reason: "the container was made without stdin") }
        switch memory.life {
        case .created, .starting, .running: break
        case .exited: throw .wrongState(.container, id, wanted: "running", found: memory.life.name)
        }
        guard let shim else { throw .wrongState(.container, id, wanted: "running", found: memory.life.name) }
        return AttachAccess(shim: shim, bundle: record.bundle, terminal: config.tty, stdinOnce: config.stdinOnce)
    }

    /// Returns when the container has ended. Calls `check` now and then, and before.
    func exitCode(_ check: @Sendable () throws(PluginError) -> Void) async throws -> UInt32 {
        while true {
            let ended = memory.life.exit
            try check()
            if let ended { return ended.code }
            _ = await waitForExit(within: .seconds(5))
            try Task.checkCancellation()
        }
    }
}
