internal import Crypto
internal import OCI

/// A digest in the making.
enum StreamHash {
    case sha256(SHA256)
    case sha512(SHA512)

    init(_ algorithm: OCI.Digest.Algorithm) {
        switch algorithm {
        case .sha256: self = .sha256(SHA256())
        case .sha512: self = .sha512(SHA512())
        }
    }

    mutating func update(_ bytes: [UInt8]) {
        switch self {
        case .sha256(var hash):
            unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
            self = .sha256(hash)
        case .sha512(var hash):
            unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
            self = .sha512(hash)
        }
    }

    var digest: OCI.Digest {
        switch self {
        case .sha256(let hash): OCI.Digest(.sha256, bytes: hash.finalize())
        case .sha512(let hash): OCI.Digest(.sha512, bytes: hash.finalize())
        }
    }

    static func digest(_ algorithm: OCI.Digest.Algorithm, of bytes: [UInt8]) -> OCI.Digest {
        var hash = StreamHash(algorithm)
        hash.update(bytes)
        return hash.digest
    }
}
