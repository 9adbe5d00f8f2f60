import Foundation
import Glibc
import Images
import NIOHTTP1
import OCI
import Synchronization

@testable import Registry

let isRoot = geteuid() == 0

/// A directory that goes with the test.
final class Temporary: Sendable {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/swiftlet-registry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self(name)))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self(name))
        return self(name)
    }

    func entries(_ name: String) -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: self(name))) ?? []).sorted() }
}

/// A tar archive of regular files (POSIX ustar).
func tar(_ files: [(name: String, content: [UInt8])]) -> [UInt8] {
    var archive: [UInt8] = []
    for (name, content) in files {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int) { for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte } }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(content.count, 11), at: 124)
        put(octal(1_700_000_000, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        archive += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }
    return archive + [UInt8](repeating: 0, count: 1024)
}

/// Bytes that do not repeat, the same in every run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

/// More than one piece of a download; made once, as that takes its time in a debug build.
let bigFile = noise(300_000)
let bigLayer = tar([("a.txt", Array("a".utf8)), ("big", bigFile)])

/// An image as a registry keeps it.
struct TestImage: Sendable {
    let layers: [[UInt8]]
    let config: [UInt8]
    let manifest: [UInt8]
    var digest: OCI.Digest { contentDigest(.sha256, manifest) }
    var blobs: [OCI.Digest: [UInt8]] { Dictionary((layers + [config]).map { (contentDigest(.sha256, $0), $0) }) { first, _ in first } }

    init(layers: [[UInt8]], platform: Platform = .host, docker: Bool = false, label: String = "x") {
        self.layers = layers
        var document: JSON = [
            "architecture": .string(platform.architecture), "os": .string(platform.os), "config": ["Labels": ["l": .string(label)]],
            "rootfs": ["type": "layers", "diff_ids": .array(layers.map { .string("\(contentDigest(.sha256, $0))") })],
        ]
        if let variant = platform.variant, case .object(var object) = document {
            object["variant"] = .string(variant)
            document = .object(object)
        }
        config = document.encoded()
        let layerType = docker ? "application/vnd.docker.image.rootfs.diff.tar" : MediaType.layer
        let own: JSON = [
            "schemaVersion": 2, "mediaType": .string(docker ? MediaType.dockerManifest : MediaType.manifest),
            "config": Self.descriptor(docker ? MediaType.dockerConfig : MediaType.config, config),
            "layers": .array(layers.map { Self.descriptor(layerType, $0) }),
        ]
        manifest = own.encoded()
    }

    static func descriptor(_ type: String, _ bytes: [UInt8], size: Int? = nil) -> JSON {
        Descriptor(mediaType: type, digest: contentDigest(.sha256, bytes), size: UInt64(size ?? bytes.count)).json
    }
}

/// The content of one repository, as a registry answers for it.
struct Content: Sendable {
    var manifests: [String: (bytes: [UInt8], type: String)] = [:]
    var blobs: [String: [UInt8]] = [:]

    mutating func add(_ image: TestImage, tag: String? = nil, type: String = MediaType.manifest) {
        add(manifest: image.manifest, type: type, tag: tag)
        for (digest, bytes) in image.blobs { blobs["\(digest)"] = bytes }
    }

    mutating func add(manifest bytes: [UInt8], type: String, tag: String? = nil) {
        manifests["\(contentDigest(.sha256, bytes))"] = (bytes, type)
        if let tag { manifests[tag] = (bytes, type) }
    }

    /// The plain answer, ranges included.
    func reply(_ asked: Asked) -> Reply {
        let parts = asked.path.split(separator: "/").map(String.init)
        guard let name = parts.last, parts.count >= 4 else { return .status(asked.path == "/v2/" ? 200 : 404) }
        switch parts[parts.count - 2] {
        case "manifests":
            guard let found = manifests[name] else { return Self.unknown("MANIFEST_UNKNOWN", "manifest unknown") }
            return .bytes(found.bytes, found.type)
        case "blobs":
            guard let bytes = blobs[name] else { return Self.unknown("BLOB_UNKNOWN", "blob unknown") }
            guard let range = asked.headers["Range"].first, let start = Int(range.dropFirst(6).dropLast()) else { return .bytes(bytes) }
            var reply = Reply.bytes(Array(bytes[start...]))
            reply.status = 206
            reply.headers.append(("Content-Range", "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"))
            return reply
        default: return .status(404)
        }
    }

    static func unknown(_ code: String, _ message: String) -> Reply {
        var reply = Reply.text(#"{"errors":[{"code":"\#(code)","message":"\#(message)"}]}"#)
        reply.status = 404
        return reply
    }
}

extension Patience {
    /// For tests: nothing is waited for longer than it takes.
    static var short: Patience {
        var patience = Patience()
        patience.firstDelayMilliseconds = 1
        patience.longestDelayMilliseconds = 5
        patience.idleMilliseconds = 20_000
        patience.retries = 3
        return patience
    }
}

/// A store, and pulls into it.
final class Fixture: Sendable {
    let temporary: Temporary
    let store: Store
    let patience: Patience

    init(_ patience: Patience = .short) throws {
        temporary = try Temporary()
        store = try Store(root: temporary("store"))
        self.patience = patience
    }

    func pull(
        _ name: String, platform: Platform = .host, allPlatforms: Bool = false, settings: RegistrySettings = RegistrySettings(),
        credentials: any CredentialSource = FixedCredentials(), progress: (@Sendable (LoadProgress) -> Void)? = nil
    ) async throws(RegistryError) -> Pulled {
        let reference = try Reference(name)
        return try await RegistryClient.with(settings, credentials, patience: patience) { (client) throws(RegistryError) in
            try await Pull(reference, platform: platform, allPlatforms: allPlatforms, client: client, store: store).run(progress)
        }
    }

    /// What a pull has to leave when it fails: nothing.
    var leftovers: [String] {
        temporary.entries("store/tmp") + temporary.entries("store/blobs/sha256") + temporary.entries("store/overlay/layers")
            + ((try? store.images()) ?? []).map(\.id)
    }

    func file(_ name: String, of image: ImageRecord) -> [UInt8]? {
        for directory in store.layerDirectories(of: image) {
            if let data = FileManager.default.contents(atPath: "\(directory)/\(name)") { return [UInt8](data) }
        }
        return nil
    }
}

/// The error of what has to fail.
func failure<T>(_ body: () async throws(RegistryError) -> T) async -> RegistryError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
