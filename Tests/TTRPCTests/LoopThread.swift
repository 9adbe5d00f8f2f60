import EventLoop
import Glibc
import LinuxSys
import Synchronization

/// An event loop on a thread of its own, for tests that stand outside it. What lives on the loop is only touched by `run`.
final class LoopThread: Sendable {
    private let work = Mutex<[@Sendable (EventLoop) -> Void]>([])
    private let wakeEnd: FDBox

    init() throws {
        let (readEnd, writeEnd) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
        try readEnd.fd.setNonBlocking(true)
        wakeEnd = writeEnd
        let start = Start(owner: self, readEnd: readEnd)
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(start).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.owner.serve(start.readEnd)
                return nil
            }, argument)
        precondition(result == 0)
        pthread_detach(thread)
    }

    private final class Start: Sendable {
        let owner: LoopThread, readEnd: FDBox
        init(owner: LoopThread, readEnd: FDBox) {
            self.owner = owner
            self.readEnd = readEnd
        }
    }

    private func serve(_ readEnd: FDBox) {
        do {
            let loop = try EventLoop()
            _ = try loop.watch(readEnd.raw, for: .read) { _ in
                var buffer = [UInt8](repeating: 0, count: 64)
                _ = try? readEnd.fd.read(into: &buffer)
                let items = self.work.withLock { items in
                    defer { items = [] }
                    return items
                }
                for item in items { item(loop) }
            }
            try loop.run()
        } catch { fatalError("\(error)") }
    }

    func post(_ item: @escaping @Sendable (EventLoop) -> Void) {
        work.withLock { $0.append(item) }
        _ = try? wakeEnd.fd.write([1])
    }

    /// Runs `body` on the loop and returns what it made.
    func run<T: Sendable>(_ body: @escaping @Sendable (EventLoop) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            post { loop in continuation.resume(with: Result { try body(loop) }) }
        }
    }

    func stop() { post { $0.stop() } }
}

/// Holds what belongs to a `LoopThread`; read and written on that thread only.
@safe final class OnLoop<T>: @unchecked Sendable {
    var value: T
    init(_ value: T) { self.value = value }
}

/// A directory that goes with its owner.
final class SocketDirectory: Sendable {
    let path: String
    init() throws {
        var template = Array("/tmp/ttrpc-test-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw SysError(errno, "mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    var socket: String { "\(path)/s" }
    deinit {
        _ = unsafe unlink(socket)
        _ = unsafe rmdir(path)
    }
}
