internal import CTaskProto
import Glibc

/// The memory of one message while it is being encoded: strings, byte fields, nested messages. All freed at once.
///
/// Unsafe storage, safe use: blocks are freed only by `deinit`, and `encode` outlives every pointer it made.
@safe final class Arena {
    /// The block that is being filled, from `used` on; most messages fit into one. Each begins with where the one before is.
    private var block: UnsafeMutableRawPointer?
    private var room = 0
    private var used = 0
    private static let linkSize = 16
    private static let blockSize = 1024 - linkSize

    deinit {
        while let last = unsafe block {
            unsafe block = unsafe last.load(as: UnsafeMutableRawPointer?.self)
            unsafe free(last)
        }
    }

    /// Zeroed, and aligned for anything.
    private func allocate<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
        let size = (max(count, 1) * MemoryLayout<T>.stride + 15) & ~15
        if size > room - used {
            room = Self.linkSize + max(size, Self.blockSize)
            guard let new = unsafe calloc(room, 1) else { fatalError("out of memory") }
            unsafe new.storeBytes(of: block, as: UnsafeMutableRawPointer?.self)
            unsafe block = unsafe new
            used = Self.linkSize
        }
        guard let block = unsafe block else { fatalError("an arena without a block") }
        defer { used += size }
        return unsafe (block + used).bindMemory(to: T.self, capacity: max(count, 1))
    }

    /// A C string. What is behind a NUL would be lost on the way, so the string ends there.
    func string(_ text: String) -> UnsafeMutablePointer<CChar> {
        let count = text.utf8.count
        let bytes = unsafe allocate(CChar.self, count + 1)
        var text = text
        // The byte behind the copy is zero already.
        text.withUTF8 { source in
            if let start = source.baseAddress { unsafe UnsafeMutableRawPointer(bytes).copyMemory(from: start, byteCount: count) }
        }
        return unsafe bytes
    }

    func strings(_ texts: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let list = unsafe allocate(UnsafeMutablePointer<CChar>?.self, texts.count)
        for (index, text) in texts.enumerated() { unsafe list[index] = unsafe string(text) }
        return unsafe list
    }

    func data(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        let copy = unsafe allocate(UInt8.self, bytes.count)
        unsafe copy.update(from: bytes, count: bytes.count)
        return unsafe ProtobufCBinaryData(len: bytes.count, data: copy)
    }

    func numbers(_ values: [UInt64]) -> UnsafeMutablePointer<UInt64> {
        let copy = unsafe allocate(UInt64.self, values.count)
        unsafe copy.update(from: values, count: values.count)
        return unsafe copy
    }

    /// A nested message: initialised by its generated `…__init`, then filled.
    func message<M>(_ initialise: (UnsafeMutablePointer<M>?) -> Void, _ fill: (inout M) -> Void) -> UnsafeMutablePointer<M> {
        let message = unsafe allocate(M.self, 1)
        unsafe initialise(message)
        unsafe fill(&message.pointee)
        return unsafe message
    }

    /// A repeated field of messages.
    func messages<M, V>(
        _ values: [V], _ initialise: (UnsafeMutablePointer<M>?) -> Void, _ fill: (inout M, V) -> Void
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<M>?> {
        let list = unsafe allocate(UnsafeMutablePointer<M>?.self, values.count)
        for (index, value) in values.enumerated() { unsafe list[index] = unsafe message(initialise) { fill(&$0, value) } }
        return unsafe list
    }

    /// Packed here and copied: an array's room that is not initialised comes from a part of the standard library that is not
    /// specialised, and looks its type up each time.
    fileprivate func packed(_ message: UnsafePointer<ProtobufCMessage>, size: Int) -> [UInt8] {
        let room = unsafe allocate(UInt8.self, size)
        unsafe protobuf_c_message_pack(message, room)
        return unsafe Array(UnsafeBufferPointer(start: room, count: size))
    }

    func timestamp(_ nanoseconds: UInt64?) -> UnsafeMutablePointer<Google__Protobuf__Timestamp>? {
        guard let nanoseconds else { return nil }
        return unsafe message(google__protobuf__timestamp__init) {
            unsafe $0.seconds = Int64(nanoseconds / 1_000_000_000)
            unsafe $0.nanos = Int32(nanoseconds % 1_000_000_000)
        }
    }

    func any(_ value: AnyValue) -> UnsafeMutablePointer<Google__Protobuf__Any> {
        unsafe message(google__protobuf__any__init) {
            unsafe $0.type_url = unsafe string(value.typeURL)
            unsafe $0.value = unsafe data(value.value)
        }
    }

    func mounts(_ mounts: [TaskMount]) -> UnsafeMutablePointer<UnsafeMutablePointer<Containerd__Types__Mount>?> {
        unsafe messages(mounts, containerd__types__mount__init) {
            unsafe $0.type = unsafe string($1.type)
            unsafe $0.source = unsafe string($1.source)
            unsafe $0.target = unsafe string($1.target)
            unsafe $0.n_options = $1.options.count
            unsafe $0.options = unsafe strings($1.options)
        }
    }
}

/// Encodes one message: `fill` sets its fields from values, with the arena for what they point to.
func encode<M>(_ initialise: (UnsafeMutablePointer<M>?) -> Void, _ fill: (inout M, Arena) -> Void) -> [UInt8] {
    let arena = Arena()
    let message = unsafe arena.message(initialise) { fill(&$0, arena) }
    let base = unsafe UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
    let size = unsafe protobuf_c_message_get_packed_size(base)
    return unsafe arena.packed(base, size: size)
}
