/// Frames as bytes. One for a connection: headers are compressed with what went before.
package struct FrameEncoder: ~Copyable {
    private let deflater = HeaderDeflater()

    package init() {}

    package mutating func encode(_ frame: Frame) -> [UInt8] {
        switch frame {
        case .synStream(let new):
            var body = numbers(new.stream, new.associated)
            body += [new.priority << 5, 0]
            let flags = (new.isLast ? Frame.last : 0) | (new.isUnidirectional ? Frame.unidirectional : 0)
            return control(.synStream, flags, body + deflater.deflate(new.headers.block))
        case .synReply(let stream, let headers, let isLast):
            return control(.synReply, isLast ? Frame.last : 0, numbers(stream) + deflater.deflate(headers.block))
        case .reset(let stream, let status): return control(.reset, 0, numbers(stream, status.rawValue))
        case .settings(let settings):
            let values = settings.flatMap { [UInt32($0.flags) << 24 | $0.id & 0xff_ffff, $0.value] }
            return control(.settings, 0, numbers([UInt32(settings.count)] + values))
        case .ping(let id): return control(.ping, 0, numbers(id))
        case .goAway(let last, let status): return control(.goAway, 0, numbers(last, status.rawValue))
        case .headers(let stream, let headers, let isLast):
            return control(.headers, isLast ? Frame.last : 0, numbers(stream) + deflater.deflate(headers.block))
        case .windowUpdate(let stream, let delta): return control(.windowUpdate, 0, numbers(stream, delta))
        }
    }

    /// What goes before `count` bytes of data: at most `Frame.mostData`.
    package static func dataHead(stream: UInt32, count: Int, isLast: Bool) -> [UInt8] {
        precondition(count <= Frame.mostData, "the maker of a frame checks its size")
        var bytes: [UInt8] = []
        bytes.append(number: stream)
        bytes.append(number: (isLast ? UInt32(Frame.last) << 24 : 0) | UInt32(count))
        return bytes
    }

    private func control(_ kind: Frame.Kind, _ flags: UInt8, _ body: [UInt8]) -> [UInt8] {
        numbers(0x8000_0000 | UInt32(Frame.version) << 16 | UInt32(kind.rawValue), UInt32(flags) << 24 | UInt32(body.count)) + body
    }

    private func numbers(_ values: UInt32...) -> [UInt8] { numbers(values) }

    private func numbers(_ values: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in values { bytes.append(number: value) }
        return bytes
    }
}
