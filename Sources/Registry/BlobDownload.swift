internal import AsyncHTTPClient
internal import Images
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Synchronization

/// Where the bytes of a blob go, from its first to its last.
protocol BlobSink: Sendable {
    var count: UInt64 { get }
    func append(_ bytes: [UInt8]) async throws(RegistryError)
}

/// Into the file from which a layer is unpacked meanwhile.
struct LayerSink: BlobSink {
    let arrival: Arrival
    var count: UInt64 { arrival.count }

    func append(_ bytes: [UInt8]) async throws(RegistryError) {
        do {
            try await offThread { [arrival] () throws(ImageError) in try arrival.append(bytes) }
        } catch {
            throw .store(error)
        }
    }
}

/// A small blob in memory.
final class MemoryBlob: BlobSink {
    private let state = Mutex<[UInt8]>([])
    var bytes: [UInt8] { state.withLock { $0 } }
    var count: UInt64 { state.withLock { UInt64($0.count) } }
    func append(_ bytes: [UInt8]) { state.withLock { $0 += bytes } }
}

/// One blob, however many connections it takes: what has arrived stays, and the rest is asked for (RFC 9110, 14.2).
/// The size is the descriptor's; whether the content is, finds who reads it.
struct BlobDownload<Sink: BlobSink>: Sendable {
    let repository: String
    let descriptor: Descriptor
    let sink: Sink
    let place: RegistryError.Place
    var progress: (@Sendable (UInt64) -> Void)?

    private static var piece: Int { 256 << 10 }

    /// From the first server that has it; the next one goes on where one has failed.
    func run(_ sessions: [Session]) async throws(RegistryError) {
        progress?(0)
        for (number, session) in sessions.enumerated() {
            do {
                return try await fetch(session)
            } catch {
                switch error {
                case .cancelled, .limit, .store: throw error
                default: if number == sessions.count - 1 { throw error }
                }
            }
        }
    }

    private func fetch(_ session: Session) async throws(RegistryError) {
        var pauses = Pauses(session.patience, place)
        while sink.count < descriptor.size {
            let before = sink.count
            let failure: RegistryError
            do {
                try await part(session)
                continue
            } catch {
                failure = error
            }
            guard failure.isPassing else { throw failure }
            if sink.count - before >= UInt64(Self.piece) { pauses.reset() }
            try await pauses.pause(after: failure)
        }
    }

    /// From where it stands to the end of one answer.
    private func part(_ session: Session) async throws(RegistryError) {
        let start = sink.count
        var request = Request(
            .GET, session.server.address(repository, "blobs/\(descriptor.digest)"), [.pull(repository)], place)
        if start > 0 { request.headers.add(name: "Range", value: "bytes=\(start)-") }
        request.seconds = nil
        request.isRepeatable = false
        let answer = try await session.send(request)
        try await take(answer, skipping: try skipped(answer, start))
    }

    /// How many bytes of the answer are there already: all of them, if the server does not know of ranges.
    private func skipped(_ answer: WireAnswer, _ start: UInt64) throws(RegistryError) -> UInt64 {
        let length = answer.header("Content-Length").flatMap { UInt64($0) }
        guard answer.status == 206 else {
            if let length, length != descriptor.size {
                throw .answer(place, reason: "blob \(descriptor.digest) has \(length) bytes, its descriptor says \(descriptor.size)")
            }
            return start
        }
        // `bytes 100-199/200`
        let range = answer.header("Content-Range") ?? ""
        let numbers = range.split { $0 == " " || $0 == "-" || $0 == "/" }
        guard numbers.count == 4, numbers[0] == "bytes", UInt64(numbers[1]) == start,
            numbers[3] == "*" || UInt64(numbers[3]) == descriptor.size
        else { throw .answer(place, reason: "bytes from \(start) on were asked for, the registry sends `\(shown(range))`") }
        return 0
    }

    private func take(_ answer: WireAnswer, skipping: UInt64) async throws(RegistryError) {
        var skip = skipping
        var piece: [UInt8] = []
        var room = descriptor.size - sink.count
        var failure: RegistryError?
        do {
            for try await buffer in answer.body {
                let skipped = Int(min(skip, UInt64(buffer.readableBytes)))
                skip -= UInt64(skipped)
                let bytes = buffer.readableBytesView.dropFirst(skipped)
                guard UInt64(bytes.count) <= room else {
                    throw RegistryError.limit(
                        place, what: "blob \(descriptor.digest) has more than the \(descriptor.size) bytes of its descriptor")
                }
                room -= UInt64(bytes.count)
                piece += bytes
                guard piece.count >= Self.piece else { continue }
                try await keep(&piece)
            }
        } catch {
            failure = Wire.failure(error, answer.address, place)
        }
        // What came before the connection broke is as good as the rest.
        if case .cancelled? = failure { throw .cancelled(place) }
        try await keep(&piece)
        if let failure { throw failure }
        guard sink.count == descriptor.size else {
            throw .connection(place, reason: "\(answer.address.origin): the answer ends after \(sink.count) of \(descriptor.size) bytes")
        }
    }

    private func keep(_ piece: inout [UInt8]) async throws(RegistryError) {
        guard !piece.isEmpty else { return }
        let bytes = piece
        piece = []
        piece.reserveCapacity(Self.piece + 65_536)
        try await sink.append(bytes)
        progress?(sink.count)
    }
}
