internal import OCI

/// Kubernetes' remotecommand protocol (k8s.io/apimachinery/pkg/util/remotecommand). Over SPDY each channel is a stream
/// (CommandStreams.swift); over WebSocket the first byte of a binary message is a channel, the rest goes through it.
///
///     0 stdin    client to server
///     1 stdout   2 stderr    server to client
///     3 error    server to client: one metav1.Status in JSON, the last message
///     4 resize   client to server: {"Width": 80, "Height": 24}
///     255        client to server, of v5: the second byte is the channel that the client closes (0: the end of stdin)
enum RemoteCommand {
    enum Version: String, CaseIterable, Sendable {
        case v5 = "v5.channel.k8s.io"
        /// From here on the error channel carries a Status in JSON; before, an error's text, and nothing if there is none.
        case v4 = "v4.channel.k8s.io"
        /// From here on a terminal has a size.
        case v3 = "v3.channel.k8s.io"
        case v2 = "v2.channel.k8s.io"
        case v1 = "channel.k8s.io"

        /// Spoken over each. A client's first of these is taken.
        static let webSocket: [Version] = [.v5, .v4], spdy: [Version] = [.v4, .v3, .v2, .v1]

        var hasResize: Bool { self != .v2 && self != .v1 }
        var hasStatus: Bool { hasResize && self != .v3 }
    }

    enum Channel {
        static let stdin: UInt8 = 0, stdout: UInt8 = 1, stderr: UInt8 = 2, error: UInt8 = 3, resize: UInt8 = 4, close: UInt8 = 255
    }

    enum Failure: Error, Equatable { case unknownChannel(UInt8), badResize, badClose }

    /// What a message means; nil: nothing (an empty message opens a channel).
    static func event(channel: UInt8, _ bytes: [UInt8], _ version: Version) throws(Failure) -> ClientEvent? {
        switch channel {
        case Channel.stdin: return bytes.isEmpty ? nil : .stdin(bytes)
        case Channel.resize:
            if bytes.isEmpty { return nil }
            return .resize(try size(bytes))
        case Channel.close where version == .v5:
            guard let closed = bytes.first, bytes.count == 1 else { throw .badClose }
            return closed == Channel.stdin ? .stdinClosed : nil
        default: throw .unknownChannel(channel)
        }
    }

    static func size(_ bytes: [UInt8]) throws(Failure) -> TerminalSize {
        guard let document = try? JSON(parsing: bytes), let width = document["Width"]?.int64, let height = document["Height"]?.int64,
            let width = UInt16(exactly: width), let height = UInt16(exactly: height)
        else { throw .badResize }
        return TerminalSize(width: UInt32(width), height: UInt32(height))
    }

    /// metav1.Status of a command that has ended.
    static func status(exitCode: UInt32) -> JSON {
        guard exitCode != 0 else { return ["metadata": [:], "status": "Success"] }
        return [
            "metadata": [:], "status": "Failure", "message": .string("command terminated with non-zero exit code: exit status \(exitCode)"),
            "reason": "NonZeroExitCode", "details": ["causes": [["reason": "ExitCode", "message": .string("\(exitCode)")]]],
        ]
    }

    /// What the error channel says at the end.
    static func told(_ status: JSON, _ version: Version) -> [UInt8] {
        if version.hasStatus { return status.encoded() }
        return status["status"] == "Success" ? [] : Array((status["message"]?.string ?? "").utf8)
    }

    /// metav1.Status of what could not be done.
    static func status(failure: String) -> JSON {
        ["metadata": [:], "status": "Failure", "message": .string(failure), "reason": "InternalError", "code": 500]
    }
}

/// Port-forward over WebSocket as kubelets speak it: of the n-th port channel 2n carries the data and 2n + 1 an error's text. Each begins
/// with the port in two bytes, low one first, from the server.
enum PortForwarding {
    static let `protocol` = "v4.channel.k8s.io"

    /// A pod's ports at one time; channels are one byte.
    static let mostPorts = 64

    static func head(_ port: UInt16) -> [UInt8] { [UInt8(truncatingIfNeeded: port), UInt8(truncatingIfNeeded: port >> 8)] }

    /// `port=80&port=443`, `ports=80,443`: what a client that was not asked by CRI's request says in the URL.
    static func ports(query: String) -> [UInt32] {
        query.split(separator: "&").flatMap { part -> [UInt32] in
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0] == "port" || pair[0] == "ports" else { return [] }
            return pair[1].split(separator: ",").compactMap { UInt32($0) }
        }
    }
}
