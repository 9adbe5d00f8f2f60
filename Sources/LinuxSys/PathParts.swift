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

/// The components one after the other, each behind a `/`; empty for none.
package func rootedPath(_ parts: [String]) -> String {
    var result = ""
    for part in parts {
        result += "/"
        result += part
    }
    return result
}
