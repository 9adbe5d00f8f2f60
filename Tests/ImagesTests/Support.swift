import Foundation
import Glibc
import OCI

@testable import Images
@testable import LinuxSys

let isRoot = geteuid() == 0

func hasTools(_ names: String...) -> Bool {
    names.allSatisfy { name in
        ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"].contains { unsafe access("\($0)/\(name)", X_OK) == 0 }
    }
}

/// A directory that goes with the test.
final class Temporary {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/swiftlet-images-\(randomName(10))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit {
        try? FD.open(String(path[..<path.lastIndex(of: "/")!]), O_RDONLY).removeTree(
            FileName(own: String(path.split(separator: "/").last!)))
    }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: self(name)))
        return self(name)
    }

    func openDirectory(_ name: String) throws -> FDBox {
        try FileManager.default.createDirectory(atPath: self(name), withIntermediateDirectories: true)
        return FDBox(try FD.open(self(name), O_RDONLY | O_DIRECTORY))
    }
}

struct ToolFailure: Error, CustomStringConvertible {
    let description: String
}

/// Runs a program to its end; its output, or an error with it.
@discardableResult
func run(_ program: String, _ arguments: [String], input: [UInt8]? = nil) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    let errors = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-errors-\(randomName(10))")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: errors) }
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    if let input {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-input-\(randomName(10))")
        try Data(input).write(to: file)
        process.standardInput = try FileHandle(forReadingFrom: file)
        try FileManager.default.removeItem(at: file)
    } else {
        process.standardInput = FileHandle.nullDevice
    }
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
        let text = String(decoding: (try? Data(contentsOf: errors)) ?? Data(), as: UTF8.self)
        throw ToolFailure(description: "\(program) \(arguments.joined(separator: " ")): \(process.terminationStatus): \(text)")
    }
    return [UInt8](bytes)
}

/// A `docker save` archive of these uncompressed layers.
func dockerArchive(
    layers: [[UInt8]], tags: [String] = ["test/image:1"], config extra: JSON = ["Cmd": ["/bin/true"]], tamper: ([UInt8]) -> [UInt8] = { $0 }
) -> [UInt8] {
    let digests = layers.map { StreamHash.digest(.sha256, of: $0) }
    let config: JSON = [
        "architecture": .string(Platform.host.architecture), "os": "linux", "config": extra,
        "rootfs": ["type": "layers", "diff_ids": .array(digests.map { .string($0.description) })],
    ]
    let configBytes = config.encoded()
    let name = StreamHash.digest(.sha256, of: configBytes).hex + ".json"
    let manifest: JSON = [
        [
            "Config": .string(name), "RepoTags": .array(tags.map { .string($0) }),
            "Layers": .array(layers.indices.map { .string("\($0)/layer.tar") }),
        ]
    ]
    var members = [TarWriter.Member(path: name, content: configBytes)]
    for (number, layer) in layers.enumerated() {
        members.append(.directory("\(number)/"))
        members.append(.file("\(number)/VERSION", "1.0"))
        members.append(TarWriter.Member(path: "\(number)/layer.tar", content: tamper(layer)))
    }
    members.append(TarWriter.Member(path: "manifest.json", content: manifest.encoded()))
    return TarWriter(members).bytes
}

/// Everything that makes up a tree, one line an entry, sorted.
func describeTree(_ root: String) throws -> [String] {
    var lines: [String] = []
    var firstNames: [UInt64: String] = [:]
    func visit(_ directory: borrowing FD, _ path: String) throws {
        for name in try directory.entries().sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            let place = "\(path)/\(TarEntry.shown(name.bytes))"
            guard let status = try directory.status(of: name) else { throw ToolFailure(description: "\(place) is listed and is not there") }
            var line = try describe(status, place, attributes: directory.attributes(of: name))
            switch status.kind {
            case .symlink: line += " -> \(TarEntry.shown(try directory.readSymlink(name)))"
            case .file:
                line += " \(StreamHash.digest(.sha256, of: try directory.openEntry(name, O_RDONLY).readAll(limit: 1 << 30)).hex.prefix(16))"
                if status.links > 1 {
                    line += " links=\(status.links) first=\(firstNames[status.inode] ?? place)"
                    if firstNames[status.inode] == nil { firstNames[status.inode] = place }
                }
            default: break
            }
            lines.append(line)
            if status.kind == .directory { try visit(directory.openDirectory(name), place) }
        }
    }
    let directory = try FD.open(root, O_RDONLY | O_DIRECTORY)
    lines.append(try describe(directory.status()!, "/", attributes: directory.attributes()))
    try visit(directory, "")
    return lines
}

private func describe(_ status: FileStatus, _ place: String, attributes: [ExtendedAttribute]) -> String {
    let own = attributes.filter { !$0.name.hasPrefix(overlayPrefix) }.sorted { $0.name < $1.name }
    let size = status.kind == .file ? " \(status.size)" : ""
    let device = status.kind == .characterDevice || status.kind == .blockDevice ? " \(status.major):\(status.minor)" : ""
    return "\(place) \(status.kind) \(String(status.mode, radix: 8)) \(status.uid):\(status.gid)\(size)\(device)"
        + " \(status.modify.seconds).\(status.modify.nanoseconds)" + own.map { " \($0.name)=\($0.value)" }.joined()
}

/// Lines that only one side has.
func differences(_ left: [String], _ right: [String]) -> [String] {
    let (a, b) = (Set(left), Set(right))
    return left.filter { !b.contains($0) }.map { "- \($0)" } + right.filter { !a.contains($0) }.map { "+ \($0)" }
}

extension Store {
    /// The image's tree as overlayfs shows it, for the time of `body`.
    func withMerged<T>(_ image: ImageRecord, _ scratch: Temporary, _ body: (String) throws -> T) throws -> T {
        guard image.chain.count > 1 else { return try body("\(root)/overlay/layers/\(Store.hex(image.chain[0]))/diff") }
        let point = scratch("merged-\(randomName(6))")
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
        let lower = image.chain.reversed().map { "\(root)/overlay/layers/\(Store.hex($0))/diff" }
        // As swiftlet mounts it: by short names, because a page has 4096 bytes.
        let links = try lower.enumerated().map { number, path in
            let link = scratch("\(number)-\(randomName(3))")
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            return link
        }
        try run("mount", ["-t", "overlay", "overlay", "-o", "ro,lowerdir=\(links.joined(separator: ":"))", point])
        defer { _ = try? run("umount", [point]) }
        return try body(point)
    }
}
