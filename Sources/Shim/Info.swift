internal import OCI

/// What `-info` prints: message containerd.types.RuntimeInfo (containerd 1.7 and newer ask for it), of which this has
///
///     1 name (string)    2 version { 1 version (string) }
///
/// Two fields of text need no generated code: a field is its number and wire type 2, a length, the bytes.
enum Info {
    static let encoded = field(1, Array("io.containerd.swiftlet.v2".utf8)) + field(2, field(1, Array(swiftletVersion.utf8)))

    /// Fields below 16 and lengths below 128, which both take one byte.
    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        precondition(number < 16 && bytes.count < 128, "one byte each")
        return [number << 3 | 2, UInt8(bytes.count)] + bytes
    }
}
