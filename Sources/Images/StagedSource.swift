import Dispatch
import Synchronization

/// Runs what is upstream on a thread of its own, a few pieces ahead of whoever reads here: reading and inflating go on while
/// files are written.
///
/// The thread ends with the stream, with its first error, or when the reader is given up.
final class StagedSource: ByteSource {
    private let stage: Stage

    init(_ upstream: some ByteSource, ahead: Int = 4) {
        var upstream = upstream
        stage = Stage(ahead: ahead) { () throws(ImageError) in try upstream.next() }
        let stage = stage
        stage.queue.async { stage.run() }
    }

    deinit { stage.giveUp() }

    func next() throws(ImageError) -> [UInt8] { try stage.take().get() }
}

/// `pull` is called by the thread alone, everything else is under the lock: hence the promise.
private final class Stage: @unchecked Sendable {
    private struct State {
        var pieces: [Result<[UInt8], ImageError>] = []
        var isGivenUp = false
        /// The empty piece or the error that ended it, given again from then on.
        var end: Result<[UInt8], ImageError>?
    }
    let queue = DispatchQueue(label: "swiftlet.stage")
    private let state = Mutex(State())
    private let room: DispatchSemaphore
    private let ready = DispatchSemaphore(value: 0)
    private let pull: () throws(ImageError) -> [UInt8]

    init(ahead: Int, _ pull: @escaping () throws(ImageError) -> [UInt8]) {
        self.pull = pull
        // A semaphore must not end below the value that it began with.
        room = DispatchSemaphore(value: 0)
        for _ in 0..<ahead { room.signal() }
    }

    func run() {
        while true {
            room.wait()
            if state.withLock({ $0.isGivenUp }) { return }
            let piece: Result<[UInt8], ImageError>
            do throws(ImageError) { piece = .success(try pull()) } catch { piece = .failure(error) }
            state.withLock { $0.pieces.append(piece) }
            ready.signal()
            guard case .success(let bytes) = piece, !bytes.isEmpty else { return }
        }
    }

    func take() -> Result<[UInt8], ImageError> {
        if let end = state.withLock({ $0.end }) { return end }
        ready.wait()
        let piece = state.withLock { state in
            let piece = state.pieces.removeFirst()
            if case .success(let bytes) = piece, !bytes.isEmpty { return piece }
            state.end = piece
            return piece
        }
        room.signal()
        return piece
    }

    func giveUp() {
        state.withLock { $0.isGivenUp = true }
        room.signal()
    }
}
