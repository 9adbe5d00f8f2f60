internal import Glibc
internal import LinuxSys
internal import Synchronization

/// The FIFOs of one session in a directory of their own. Of each output a writer of ours keeps it from ending before the shim has it open.
final class StreamFIFOs: Sendable {
    let directory: String
    let stdin: String?
    let outputs: [(name: OutputName, path: String)]
    private let readers: Mutex<[FDBox]>
    private let writers: Mutex<[FDBox]>

    init(_ directory: String, stdin: Bool, outputs names: [OutputName]) throws(SysError) {
        self.directory = directory
        self.stdin = stdin ? directory + "/stdin" : nil
        outputs = names.map { ($0, "\(directory)/\($0)") }
        try Directory.make(directory, mode: 0o700)
        var opened: ([FDBox], [FDBox]) = ([], [])
        do throws(SysError) {
            if let path = self.stdin { try checkErrno("mkfifo", on: path) { unsafe mkfifo(path, 0o600) } }
            for (_, path) in outputs {
                try checkErrno("mkfifo", on: path) { unsafe mkfifo(path, 0o600) }
                opened.0.append(FDBox(try FD.open(path, O_RDONLY | O_NONBLOCK)))
                opened.1.append(FDBox(try FD.open(path, O_WRONLY)))
            }
        } catch {
            try? Directory.removeTree(directory)
            throw error
        }
        readers = Mutex(opened.0)
        writers = Mutex(opened.1)
    }

    func path(of name: OutputName) -> String { outputs.first { $0.name == name }?.path ?? "" }

    /// Descriptors that the caller owns from now on, one for each output.
    func takeReaders() throws(SysError) -> [Int32] {
        let boxes = readers.withLock(\.self)
        var result: [Int32] = []
        for box in boxes { result.append(try box.fd.duplicate().release()) }
        readers.withLock { $0 = [] }
        return result
    }

    /// The shim holds the outputs open from here on: their end is the program's.
    func closeWriters() { writers.withLock { $0 = [] } }

    func remove() {
        closeWriters()
        readers.withLock { $0 = [] }
        try? Directory.removeTree(directory)
    }
}
