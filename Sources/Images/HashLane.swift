import Dispatch
internal import LinuxSys
internal import OCI
import Synchronization

/// Computes a digest, and writes the bytes to a file if wanted, beside the thread that brings them.
final class HashLane: Sendable {
    private struct State {
        var hash: StreamHash
        var size: UInt64 = 0
        var failure: ImageError?
    }
    private let queue: DispatchQueue
    private let room = DispatchSemaphore(value: 8)
    private let state: Mutex<State>
    private let file: FDBox?

    /// `file` gets every byte, from its start.
    init(_ algorithm: Digest.Algorithm, file: FDBox?) {
        queue = DispatchQueue(label: "swiftlet.hash")
        state = Mutex(State(hash: StreamHash(algorithm)))
        self.file = file
    }

    /// Waits when too much is under way.
    func add(_ bytes: [UInt8]) {
        room.wait()
        queue.async { [self] in
            state.withLock { state in
                state.hash.update(bytes)
                if let file, state.failure == nil {
                    do throws(SysError) { try file.fd.writeAll(bytes[...], at: Int64(state.size)) } catch { state.failure = .kernel(error) }
                }
                state.size += UInt64(bytes.count)
            }
            room.signal()
        }
    }

    /// After the last byte: the digest and how many bytes there were.
    func finish() throws(ImageError) -> (digest: Digest, size: UInt64) {
        queue.sync {}
        let result: Result<(Digest, UInt64), ImageError> = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            return .success((state.hash.digest, state.size))
        }
        return try result.get()
    }
}
