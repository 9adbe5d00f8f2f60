/// ttrpc on the wire: frames over a stream socket, each with a header of ten bytes, big-endian.
///
///     0      4 length of the payload, at most 4 MiB
///     4      4 stream id: odd, chosen by the client, rising
///     8      1 kind: 1 request, 2 response, 3 data
///     9      1 flags: 1 remote closed, 2 remote open, 4 no data
///     10     payload
package struct Frame: Equatable, Sendable {
    package enum Kind: UInt8, Sendable { case request = 1, response = 2, data = 3 }

    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let remoteClosed = Flags(rawValue: 1)
        package static let remoteOpen = Flags(rawValue: 2)
        package static let noData = Flags(rawValue: 4)
    }

    package static let headerSize = 10
    package static let mostPayload = 4 << 20

    package var stream: UInt32
    package var kind: Kind
    package var flags: Flags
    package var payload: [UInt8]

    package init(stream: UInt32, kind: Kind, flags: Flags = [], payload: [UInt8]) {
        self.stream = stream
        self.kind = kind
        self.flags = flags
        self.payload = payload
    }
}

extension Frame {
    /// Appends the frame as it goes over the wire. The payload fits: whoever makes frames checks `mostPayload` first.
    package func append(to bytes: inout [UInt8]) {
        precondition(payload.count <= Self.mostPayload, "the maker of a frame checks its payload's size")
        bytes.reserveCapacity(bytes.count + Self.headerSize + payload.count)
        for number in [UInt32(payload.count), stream] {
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        bytes.append(kind.rawValue)
        bytes.append(flags.rawValue)
        bytes.append(contentsOf: payload)
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// The end of a stream's data, with no message in it.
    static func end(of stream: UInt32) -> Frame {
        Frame(stream: stream, kind: .data, flags: [.remoteClosed, .noData], payload: [])
    }
}
