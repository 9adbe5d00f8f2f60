/// SPDY/3.1 on the wire, as far as Kubernetes' streams need it (the SPDY Protocol, Draft 3.1, section 2). Numbers are big-endian.
///
///     control frame                            data frame
///     0   2  0x8003: a control frame of 3      0   4  stream, its first bit 0
///     2   2  kind                              4   1  flags: 1 the sender's last
///     4   1  flags                             5   3  length of the data
///     5   3  length of what follows            8      data
///     8      by kind:
///
///     1 SYN_STREAM     stream 4, associated stream 4, priority 3 bits, slot 1 byte, headers; flags: 1 last, 2 unidirectional
///     2 SYN_REPLY      stream 4, headers; flags: 1 last
///     3 RST_STREAM     stream 4, status 4
///     4 SETTINGS       count 4, then of each: flags 1, id 3, value 4
///     6 PING           id 4: odd from a client, even from a server
///     7 GOAWAY         last accepted stream 4, status 4
///     8 HEADERS        stream 4, headers; flags: 1 last
///     9 WINDOW_UPDATE  stream 4, delta 4
///
/// Headers are a block that is compressed (HeaderCodec.swift): all the blocks of one direction are one stream of zlib.
///
/// There is no flow control between the peers here, whatever the specification says of windows: Kubernetes' implementation
/// (moby/spdystream) neither sends WINDOW_UPDATE nor waits for one. Whoever is slow does not read its connection.
package enum Frame: Equatable, Sendable {
    case synStream(SynStream)
    case synReply(stream: UInt32, Headers, isLast: Bool)
    case reset(stream: UInt32, ResetStatus)
    case settings([Setting])
    case ping(UInt32)
    case goAway(lastStream: UInt32, GoAwayStatus)
    case headers(stream: UInt32, Headers, isLast: Bool)
    case windowUpdate(stream: UInt32, delta: UInt32)

    package struct SynStream: Equatable, Sendable {
        package var stream: UInt32
        package var associated: UInt32
        /// 0, the highest, to 7.
        package var priority: UInt8
        package var headers: Headers
        package var isLast: Bool
        /// Nothing comes back on this stream.
        package var isUnidirectional: Bool

        package init(
            stream: UInt32, associated: UInt32 = 0, priority: UInt8 = 0, headers: Headers, isLast: Bool = false,
            isUnidirectional: Bool = false
        ) {
            (self.stream, self.associated, self.priority) = (stream, associated, priority)
            (self.headers, self.isLast, self.isUnidirectional) = (headers, isLast, isUnidirectional)
        }
    }

    package struct Setting: Equatable, Sendable {
        package var flags: UInt8
        /// 24 bits.
        package var id: UInt32
        package var value: UInt32

        package init(flags: UInt8 = 0, id: UInt32, value: UInt32) { (self.flags, self.id, self.value) = (flags, id, value) }
    }

    /// Draft 3.1, 2.6.3. A number that is not named there is kept as it is.
    package struct ResetStatus: RawRepresentable, Equatable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let protocolError = ResetStatus(rawValue: 1)
        package static let invalidStream = ResetStatus(rawValue: 2)
        package static let refusedStream = ResetStatus(rawValue: 3)
        package static let cancel = ResetStatus(rawValue: 5)
        package static let streamInUse = ResetStatus(rawValue: 8)
        package static let streamAlreadyClosed = ResetStatus(rawValue: 9)
    }

    /// Draft 3.1, 2.6.6.
    package struct GoAwayStatus: RawRepresentable, Equatable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let ok = GoAwayStatus(rawValue: 0)
        package static let protocolError = GoAwayStatus(rawValue: 1)
    }

    static let version: UInt16 = 3
    static let headSize = 8
    /// What a control frame's length may say: its headers are compressed. The specification asks for 8192 at least (2.2.1).
    package static let mostControl = 16 << 10
    /// What a data frame's length can say.
    package static let mostData = 1 << 24 - 1

    /// Flags of control frames.
    static let last: UInt8 = 1, unidirectional: UInt8 = 2

    enum Kind: UInt16 {
        case synStream = 1
        case synReply, reset, settings
        case ping = 6
        case goAway, headers, windowUpdate
    }
}

/// Why a connection cannot go on: what follows in its bytes cannot be understood any more.
package enum SPDYError: Error, Equatable, CustomStringConvertible {
    case version(UInt16)
    case tooLong(kind: UInt16, length: Int)
    /// A length that a frame of this kind does not have.
    case wrongLength(kind: UInt16, length: Int)
    case streamZero(kind: UInt16)
    /// The stream of zlib is damaged or has ended.
    case compression(String)
    /// A small block that becomes a large one.
    case blockTooLarge(limit: Int)
    /// A new stream whose number is even, or lower than one before.
    case streamOrder(stream: UInt32, after: UInt32)

    package var description: String {
        switch self {
        case .version(let version): "SPDY: control frame of version \(version)"
        case .tooLong(let kind, let length): "SPDY: control frame \(kind) of \(length) bytes: more than \(Frame.mostControl)"
        case .wrongLength(let kind, let length): "SPDY: control frame \(kind) of \(length) bytes"
        case .streamZero(let kind): "SPDY: control frame \(kind) of stream 0"
        case .compression(let reason): "SPDY: headers: \(reason)"
        case .blockTooLarge(let limit): "SPDY: headers of more than \(limit) bytes"
        case .streamOrder(let stream, let last): "SPDY: stream \(stream) after stream \(last)"
        }
    }
}
