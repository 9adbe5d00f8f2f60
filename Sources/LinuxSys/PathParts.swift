/// The components of a path as they are written, without empty ones and `.`.
///
/// By bytes, for what is asked of every path of every container: slicing text with the standard library's collections is generic code,
/// and a command that lives for a few milliseconds pays for the first use of each kind of it.
package func pathParts(_ path: String) -> [String] {
    var path = path
    var parts: [String] = []
    path.withUTF8 { bytes in
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, unsafe bytes[end] != UInt8(ascii: "/") { end += 1 }
            let isHere = unsafe end == start + 1 && bytes[start] == UInt8(ascii: ".")
            if end > start, !isHere {
                parts.append(unsafe String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self))
            }
            start = end + 1
        }
    }
    return parts
}

extension [UInt8] {
    /// What stands from `at` up to the next `mark`, or to `end`; `at` is behind the mark then, or at the end: at `upperBound` of the word.
    package func word(_ at: inout Int, upTo end: Int, _ mark: UInt8) -> Range<Int> {
        let start = at
        while at < end, self[at] != mark { at += 1 }
        let found = start..<at
        if at < end { at += 1 }
        return found
    }
}

/// The components one after the other, each behind a `/`; empty for none.
package func rootedPath(_ parts: [String]) -> String {
    var result = ""
    for part in parts {
        result += "/"
        result += part
    }
    return result
}
