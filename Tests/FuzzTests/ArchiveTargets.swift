import LinuxSys

@testable import Images

private struct Pieces: ByteSource {
    var rest: ArraySlice<UInt8>
    let size: Int

    mutating func next() throws(ImageError) -> [UInt8] {
        defer { rest = rest.dropFirst(size) }
        return Array(rest.prefix(size))
    }
}

/// The first byte says how the stream is cut into pieces; the rest is the archive.
func fuzzTar(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let archive = bytes.dropFirst()
    let (whole, cut) = (try members(of: archive, piece: max(1, archive.count)), try members(of: archive, piece: Int(first) * 4 + 1))
    try require(whole == cut, "members depend on how the archive is cut")
}

private func members(of archive: ArraySlice<UInt8>, piece: Int) throws -> [String] {
    var limits = UnpackLimits()
    limits.entries = 1000
    limits.headerSize = 1 << 16
    limits.sparseParts = 1000
    var reader = TarReader(Pieces(rest: archive, size: piece), subject: "fuzz", limits: limits)
    var found: [String] = []
    do throws(ImageError) {
        while let entry = try reader.next() {
            var stored = 0
            while true {
                let part = try reader.content()
                if part.isEmpty { break }
                stored += part.count
            }
            let planned = entry.parts?.reduce(0) { $0 + Int($1.length) } ?? Int(clamping: entry.size)
            if entry.kind == .file, stored != planned { found.append("BROKEN") }
            found.append("\(entry.kind) \(entry.shownPath) \(TarEntry.shown(entry.linkTarget)) \(entry.mode) \(entry.uid) \(stored)")
        }
        try reader.drain()
    } catch { found.append("\(error)") }
    try require(!found.contains("BROKEN"), "a file has other content than its size says")
    return found
}

func fuzzPax(_ bytes: [UInt8]) throws {
    var records = PaxRecords()
    guard records.add(bytes) else { return }
    for key in records.values.keys {
        _ = records.text(key)
        _ = records.number(key)
        if let time = records.time(key) { try require(time.nanoseconds < 1_000_000_000, "nanoseconds of a second and more") }
    }
    var again = PaxRecords()
    try require(again.add(bytes) && again.values == records.values && again.attributes == records.attributes, "two readings differ")
}
