/// GNU's sparse files in its own format and in the pax formats 0.0, 0.1 and 1.0 (tar's manual, "Storing Sparse Files").
extension TarReader {
    /// Nil when the file is not sparse. Takes what the map itself occupies of the content off `stored`.
    mutating func sparseMap(
        _ header: TarHeader, _ extended: ExtendedHeaders, stored: inout UInt64
    ) throws(ImageError) -> (size: UInt64, parts: [SparsePart])? {
        if header.type == UInt8(ascii: "S") { return try oldMap(header) }
        let pax = extended.pax
        if let major = pax.text("GNU.sparse.major"), let minor = pax.text("GNU.sparse.minor"), major != "0" {
            guard major == "1", minor == "0" else { throw unsupported("sparse format \(major).\(minor)") }
            guard let size = pax.number("GNU.sparse.realsize") else { throw damaged("a sparse file without its real size") }
            return (size, try mapInContent(&stored))
        }
        guard let size = pax.number("GNU.sparse.size") else { return nil }
        if let map = pax.text("GNU.sparse.map") {
            var numbers: [UInt64] = []
            for text in map.split(separator: ",", omittingEmptySubsequences: false) {
                guard let number = UInt64(text) else { throw damaged("a sparse map that is none") }
                numbers.append(number)
            }
            return (size, try pairs(numbers))
        }
        return (size, try pairs(pax.sparseNumbers))
    }

    private func pairs(_ numbers: [UInt64]) throws(ImageError) -> [SparsePart] {
        guard numbers.count % 2 == 0 else { throw damaged("a sparse map that is none") }
        return stride(from: 0, to: numbers.count, by: 2).map { SparsePart(offset: numbers[$0], length: numbers[$0 + 1]) }
    }

    /// Four parts in the header, 21 in each block that follows it.
    private mutating func oldMap(_ header: TarHeader) throws(ImageError) -> (size: UInt64, parts: [SparsePart]) {
        guard let size = header.number(483..<495).flatMap({ UInt64(exactly: $0) }) else {
            throw damaged("a sparse file without its real size")
        }
        var parts = try oldParts(header, from: 386, count: 4)
        var more = header[482] != 0
        while more {
            guard let bytes = try take(TarHeader.size, "a sparse map") else { throw damaged("the archive ends in a sparse map") }
            let block = TarHeader(block: bytes)
            parts += try oldParts(block, from: 0, count: 21)
            more = block[504] != 0
            guard parts.count <= limits.sparseParts else { throw tooMuch("a sparse file of more than \(limits.sparseParts) parts") }
        }
        return (size, parts)
    }

    private func oldParts(_ header: TarHeader, from start: Int, count: Int) throws(ImageError) -> [SparsePart] {
        var parts: [SparsePart] = []
        for place in 0..<count {
            let at = start + place * 24
            if header[at] == 0 { break }
            guard let offset = header.number(at..<(at + 12)).flatMap({ UInt64(exactly: $0) }),
                let length = header.number((at + 12)..<(at + 24)).flatMap({ UInt64(exactly: $0) })
            else { throw damaged("a sparse map that is none") }
            parts.append(SparsePart(offset: offset, length: length))
        }
        return parts
    }

    /// Format 1.0: decimal numbers, one a line, in whole blocks before the data: how many parts, then offset and length of each.
    private mutating func mapInContent(_ stored: inout UInt64) throws(ImageError) -> [SparsePart] {
        var numbers: [UInt64] = []
        var wanted: UInt64 = 1
        var digits: [UInt8] = []
        while UInt64(numbers.count) < wanted {
            guard stored >= 512, let block = try take(512, "a sparse map") else { throw damaged("a sparse map without end") }
            stored -= 512
            for byte in block where UInt64(numbers.count) < wanted {
                if byte != 0x0a {
                    digits.append(byte)
                    guard digits.count <= 20 else { throw damaged("a sparse map that is none") }
                    continue
                }
                guard let number = UInt64(String(decoding: digits, as: UTF8.self)) else { throw damaged("a sparse map that is none") }
                digits = []
                if numbers.isEmpty {
                    guard number <= UInt64(limits.sparseParts) else {
                        throw tooMuch("a sparse file of more than \(limits.sparseParts) parts")
                    }
                    wanted += number * 2
                }
                numbers.append(number)
            }
        }
        return try pairs(Array(numbers.dropFirst()))
    }

    /// Parts in order, inside the file, and together as long as what is stored.
    func checkSparse(_ entry: TarEntry, stored: UInt64) throws(ImageError) {
        guard entry.size <= limits.fileSize else {
            throw tooMuch("\(entry.shownPath) has \(entry.size) bytes, more than \(limits.fileSize)")
        }
        var end: UInt64 = 0
        var sum: UInt64 = 0
        for part in entry.parts ?? [] {
            let (next, overflow) = part.offset.addingReportingOverflow(part.length)
            guard !overflow, part.offset >= end, next <= entry.size else {
                throw damaged("a sparse map that leads out of its file: \(entry.shownPath)")
            }
            end = next
            sum += part.length
        }
        guard sum == stored else { throw damaged("a sparse map that does not fit its data: \(entry.shownPath)") }
    }
}
