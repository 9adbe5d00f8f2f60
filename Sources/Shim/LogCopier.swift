internal import CRILog
import Glibc
internal import LinuxSys

/// What a process of its own does so that the shim's loop never waits for a disk: it moves what a container says from its pipes into log
/// files, and may block for as long as the disk likes.
///
/// Orders come and reports go as records on a socket, one byte kind and perhaps a text:
///
///     o            the files are open
///     e TEXT       they cannot be opened; the process has ended
///     w TEXT       output is lost, or is written again
///     r [TEXT]     in answer to `r`: the files were opened again, or why not
///     r            order: open the files again (rotation)
///     f            order: end when nothing is left to be read
struct LogCopier {
    struct Source {
        let descriptor: FDBox
        let stream: LogStream
        /// Its place in the list of files.
        let file: Int
    }

    struct Target: Equatable {
        let path: String
        let format: LogFile.Format
        /// The directory with the FIFOs of those who are attached.
        var attached: String?
    }

    /// How a copier ends.
    enum Status {
        /// Every source has ended, or it was told to end.
        static let finished: Int32 = 0
        /// Nothing came for a while: the shim watches the sources itself, and starts another one when something comes.
        static let idle: Int32 = 3
    }

    private static let patience: Int32 = 5_000
    private static let chunk = 65_536

    private let control: FDBox
    private var sources: [Source]
    private var files: [LogFile] = []
    private var tees: [AttachTees?] = []
    private var isFinishing = false
    private var isAlone = false
    /// A terminal's output comes later than its log is opened.
    private let hadSources: Bool

    private init(_ sources: [Source], control: FDBox) {
        self.sources = sources
        hadSources = !sources.isEmpty
        self.control = control
    }

    enum Occasion {
        /// A Create, a Start or a rotation waits for the files to be open, or for what is wrong with them.
        case asked
        /// Output has come: where a file cannot be opened it is lost until it can, which is reported.
        case output
        /// As before, and the copier before this one was killed.
        case death
    }

    /// In a clone of the shim.
    static func run(_ sources: [Source], to targets: [Target], on occasion: Occasion, control: FDBox) -> Never {
        ProcessControl.setName("swiftlet-log")
        var copier = LogCopier(sources, control: control)
        do throws(SysError) {
            // Nothing else of the shim's stays open here: who waits for the end of a connection or a FIFO would wait for this process.
            try closeDescriptors(except: sources.map(\.descriptor.raw) + [control.raw])
            // A file beyond RLIMIT_FSIZE is an error of the write.
            try ignoreSignal(SIGXFSZ)
            for target in targets {
                let file = LogFile(target.path, target.format) { report("w\($0)", control) }
                if occasion == .asked { try file.open() }
                if occasion == .death { file.cutTornEntry() }
                copier.files.append(file)
                copier.tees.append(target.attached.map { AttachTees(directory: $0) })
            }
            report("o", control)
        } catch {
            report("e\(error)", control)
            exitNow(1)
        }
        copier.copy()
    }

    private static func report(_ text: String, _ control: FDBox) { _ = try? control.fd.send(Array(text.utf8)) }

    private mutating func copy() -> Never {
        var buffer = [UInt8](repeating: 0, count: Self.chunk)
        while true {
            if sources.isEmpty { exitNow(hadSources ? Status.finished : Status.idle) }
            var watched = sources.map { (fd: $0.descriptor.raw, events: Int16(POLLIN)) }
            watched.append((fd: isAlone ? -1 : control.raw, events: Int16(POLLIN)))
            // Without a shim only the end of the sources is the end.
            let wait = isFinishing ? 0 : isAlone ? -1 : Self.patience
            guard let found = try? pollDescriptors(watched, milliseconds: wait) else { exitNow(1) }
            if found.allSatisfy({ $0 == 0 }) { exitNow(isFinishing ? Status.finished : Status.idle) }
            // From the last to the first, so that one that ends can be taken out.
            for index in sources.indices.reversed() where found[index] != 0 { move(index, &buffer) }
            if found[found.count - 1] != 0 { takeOrder() }
        }
    }

    private mutating func move(_ index: Int, _ buffer: inout [UInt8]) {
        let source = sources[index]
        do throws(SysError) {
            switch try source.descriptor.fd.read(into: &buffer) {
            case .bytes(let count):
                files[source.file].write(buffer, 0..<count, from: source.stream)
                tees[source.file]?.write(buffer, count, of: source.stream)
            case .wouldBlock: break
            case .ended: sources.remove(at: index)
            }
        } catch {
            // EIO: the last slave of a pty was closed, which is its end of file (pty(7)).
            sources.remove(at: index)
        }
    }

    private mutating func takeOrder() {
        guard let message = try? control.fd.receive(limit: 16), let order = message.bytes.first else {
            isAlone = true
            return
        }
        switch order {
        case UInt8(ascii: "r"):
            let problem = files.compactMap { $0.reopen() }.first
            Self.report("r\(problem ?? "")", control)
        case UInt8(ascii: "f"): isFinishing = true
        default: break
        }
    }
}
