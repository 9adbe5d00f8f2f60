/// A call in progress at one end of a connection.
struct OpenStream: Sendable {
    let id: UInt32
    let shape: CallShape
    /// What its request takes of the limit; the client counts none.
    let requestBytes: Int
    /// The client has sent its last message.
    var inputEnded: Bool
}

/// The open streams of one connection. Their ids rise, so they lie in a row by id; and no type is generic, which the runtime would have to
/// look up for every frame.
struct OpenStreams: Sendable {
    private var streams: [OpenStream] = []

    var isEmpty: Bool { streams.isEmpty }
    var count: Int { streams.count }
    var ids: [UInt32] { streams.map(\.id) }

    /// With a higher id than all before.
    mutating func append(_ stream: OpenStream) { streams.append(stream) }

    subscript(_ id: UInt32) -> OpenStream? { index(of: id).map { streams[$0] } }

    mutating func endInput(_ id: UInt32) { if let index = index(of: id) { streams[index].inputEnded = true } }

    mutating func remove(_ id: UInt32) -> OpenStream? { index(of: id).map { streams.remove(at: $0) } }

    private func index(of id: UInt32) -> Int? {
        var (low, high) = (0, streams.count)
        while low < high {
            let middle = (low + high) / 2
            if streams[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < streams.count && streams[low].id == id ? low : nil
    }
}
