internal import CTaskProto
internal import TTRPC

/// Decodes one message with libprotobuf-c, lends it to `body`, and frees it. `body` copies what it wants to keep.
///
/// - Parameter initialise: the generated `…__init` of the message, which knows its descriptor.
func decode<M, R>(
    _ bytes: [UInt8], _ name: @autoclosure () -> String, _ initialise: (UnsafeMutablePointer<M>?) -> Void, _ body: (M) -> R
) throws(Status) -> R {
    let descriptor = unsafe messageDescriptor(initialise)
    guard unsafe WireCheck.accepts(bytes[...], descriptor) else { throw Status(.invalidArgument, "payload is no \(name())") }
    let message = unsafe bytes.withUnsafeBufferPointer { unsafe protobuf_c_message_unpack(descriptor, nil, $0.count, $0.baseAddress) }
    guard let message = unsafe message else { throw Status(.invalidArgument, "payload is no \(name())") }
    defer { unsafe protobuf_c_message_free_unpacked(message, nil) }
    return unsafe body(UnsafeRawPointer(message).assumingMemoryBound(to: M.self).pointee)
}

/// The descriptor's address. (A C constant is imported as a value: its own address can only be had through C.)
private func messageDescriptor<M>(_ initialise: (UnsafeMutablePointer<M>?) -> Void) -> UnsafePointer<ProtobufCMessageDescriptor> {
    let message = UnsafeMutablePointer<M>.allocate(capacity: 1)
    defer { unsafe message.deallocate() }
    unsafe initialise(message)
    return unsafe UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self).pointee.descriptor
}

/// Copies a C string; null is empty.
func text(_ pointer: UnsafePointer<CChar>?) -> String {
    guard let pointer = unsafe pointer else { return "" }
    return unsafe String(cString: pointer)
}

func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String { unsafe text(UnsafePointer(pointer)) }

func copy(_ data: ProtobufCBinaryData) -> [UInt8] { unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len)) }

/// Copies a repeated field of strings.
func texts(_ items: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, count: Int) -> [String] {
    unsafe UnsafeBufferPointer(start: items, count: count).map { unsafe text($0) }
}

/// Copies a repeated field of messages.
func copy<M, R>(_ items: UnsafeMutablePointer<UnsafeMutablePointer<M>?>?, count: Int, _ body: (M) -> R) -> [R] {
    unsafe UnsafeBufferPointer(start: items, count: count).compactMap { item in
        guard let item = unsafe item else { return nil }
        return unsafe body(item.pointee)
    }
}

/// What libprotobuf-c does not check: that strings are UTF-8, as proto3 wants, and hold no NUL, behind which C would
/// not look. A name that reads differently here than at its sender is an attack or a bug.
enum WireCheck {
    static func accepts(_ bytes: ArraySlice<UInt8>, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> Bool {
        let descriptor = unsafe descriptor.pointee
        let fields = unsafe UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
        var rest = bytes
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 > 0, tag >> 3 <= 0x1fff_ffff else { return false }
            guard let body = value(&rest, wireType: tag & 7) else { return false }
            guard tag & 7 == 2, let field = unsafe fields.first(where: { unsafe UInt64($0.id) == tag >> 3 }) else { continue }
            switch unsafe field.type {
            case PROTOBUF_C_TYPE_STRING:
                guard isText(body) else { return false }
            case PROTOBUF_C_TYPE_MESSAGE:
                guard let inner = unsafe field.descriptor else { return false }
                guard unsafe accepts(body, inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)) else { return false }
            default: continue
            }
        }
        return true
    }

    private static func isText(_ body: ArraySlice<UInt8>) -> Bool {
        if body.allSatisfy({ $0 > 0 && $0 < 0x80 }) { return true }
        return !body.contains(0) && String(validating: body, as: UTF8.self) != nil
    }

    /// Takes one field's value off the front. Groups (3, 4) are none of proto3.
    private static func value(_ rest: inout ArraySlice<UInt8>, wireType: UInt64) -> ArraySlice<UInt8>? {
        let start = rest.startIndex
        let length: Int
        switch wireType {
        case 0:
            guard varint(&rest) != nil else { return nil }
            return rest[rest.startIndex..<rest.startIndex]
        case 1: length = 8
        case 5: length = 4
        case 2:
            guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
            length = Int(count)
        default: return nil
        }
        guard length <= rest.count else {
            rest = rest[start...]
            return nil
        }
        let body = rest.prefix(length)
        rest = rest.dropFirst(length)
        return body
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 70, let byte = rest.popFirst() {
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return result }
            shift += 7
        }
        return nil
    }
}
