/// Container logs as the kubelet reads them (Kubernetes CRI logging format), one entry a line:
///
///     2016-10-06T00:17:09.669794202Z stdout P first part of a line
///     2016-10-06T00:17:09.669794203Z stdout F the rest, with its newline
///
/// A line is cut into entries of at most 16 KiB. What has come without a newline is written at once with tag P, and the
/// entry that completes it (perhaps empty) has tag F.
package enum LogStream: String, Sendable {
    case stdout, stderr
}

package enum LogFormatter {
    /// Bytes of content in one entry, at most.
    package static let mostContent = 16_384

    /// Appends the entries for `bytes[range]`, read from `stream` at `time`.
    package static func append(
        _ bytes: [UInt8], _ range: Range<Int>, from stream: LogStream, at time: LogTime, to out: inout [UInt8]
    ) {
        let stamp = time.encoded
        var start = range.lowerBound
        while start < range.upperBound {
            let end = bytes[start..<range.upperBound].firstIndex(of: 0x0a)
            let stop = min(end ?? range.upperBound, start + mostContent)
            let complete = stop == end
            out += stamp
            out.append(0x20)
            out += stream.rawValue.utf8
            out += (complete ? " F " : " P ").utf8
            out += bytes[start..<stop]
            out.append(0x0a)
            start = complete ? stop + 1 : stop
        }
    }
}
