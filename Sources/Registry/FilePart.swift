import Dispatch
internal import LinuxSys
internal import NIOCore

/// A part of an open file as the body of a request. It can be read any number of times.
struct FilePart: Sendable {
    let file: FDBox
    let offset: UInt64
    let size: UInt64

    var pieces: Pieces { Pieces(part: self) }

    struct Pieces: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        let part: FilePart

        func makeAsyncIterator() -> Iterator { Iterator(part: part, done: 0) }

        struct Iterator: AsyncIteratorProtocol {
            let part: FilePart
            var done: UInt64
            private static let piece: UInt64 = 256 << 10

            mutating func next() async throws -> ByteBuffer? {
                guard done < part.size else { return nil }
                let (place, count) = (Int64(part.offset + done), Int(Swift.min(Self.piece, part.size - done)))
                let bytes = try await offThread { [file = part.file] () throws(SysError) in try file.fd.read(at: place, count: count) }
                guard !bytes.isEmpty else { throw SysError(5, "read", on: "a blob that became shorter") }
                done += UInt64(bytes.count)
                return ByteBuffer(bytes: bytes)
            }
        }
    }
}

/// Runs what blocks (disks, helper programs) on a thread that Swift's tasks do not share. A queue of its own each time: the global ones have
/// as many threads as there are processors, and those may all be waiting for what is to be done here.
func offThread<T: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> T) async throws(E) -> T {
    let result: Result<T, E> = await withCheckedContinuation { continuation in
        DispatchQueue(label: "swiftlet.registry").async {
            do throws(E) {
                continuation.resume(returning: .success(try body()))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
    return try result.get()
}
