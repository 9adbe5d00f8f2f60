internal import EventLoop
import Glibc
internal import LinuxSys
internal import OCI
internal import TTRPC

/// Where the time of create, start, exec and delete goes: spans in OpenTelemetry's JSON, one export request a line, as its collector reads
/// them from a file. On with `SWIFTLET_TRACE=FILE` in the environment of `start`; without it there is no object of this kind.
///
/// A caller that traces names its span in the metadata of the call (`traceparent`, W3C Trace Context): then ours are below it.
final class Trace {
    struct Span {
        let name: String
        let id: String
        let parent: String
        let trace: String
        let start: UInt64
    }

    private let path: String
    private let container: String
    private let loop: EventLoop
    private var traceID: String
    private var caller = ""
    private var waiting: [JSON] = []

    init(path: String, id: String, loop: EventLoop) {
        self.path = path
        container = id
        self.loop = loop
        traceID = Self.hex(.random(in: 1 ... .max)) + Self.hex(.random(in: 1 ... .max))
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    /// `00-<trace id>-<span id>-<flags>`; anything else is passed over.
    func adopt(_ metadata: [RequestEnvelope.Pair]) {
        caller = ""
        guard let value = metadata.first(where: { $0.key == "traceparent" })?.value else { return }
        let parts = value.split(separator: "-")
        let isHex = { (text: Substring) in text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }
        guard parts.count >= 4, parts[1].utf8.count == 32, parts[2].utf8.count == 16, isHex(parts[1]), isHex(parts[2]) else { return }
        traceID = String(parts[1])
        caller = String(parts[2])
    }

    func begin(_ name: String, in parent: Span? = nil) -> Span {
        Span(
            name: name, id: Self.hex(.random(in: 1 ... .max)), parent: parent?.id ?? caller, trace: parent?.trace ?? traceID,
            start: realtimeNanoseconds())
    }

    func end(_ span: Span?) { if let span { put(span, until: realtimeNanoseconds()) } }

    /// One that somebody else measured.
    func add(_ name: String, in parent: Span?, from start: UInt64, to end: UInt64) {
        let span = Span(
            name: name, id: Self.hex(.random(in: 1 ... .max)), parent: parent?.id ?? "", trace: parent?.trace ?? traceID, start: start)
        put(span, until: end)
    }

    private func put(_ span: Span, until end: UInt64) {
        var object = JSONObject()
        object["traceId"] = .string(span.trace)
        object["spanId"] = .string(span.id)
        if !span.parent.isEmpty { object["parentSpanId"] = .string(span.parent) }
        object["name"] = .string(span.name)
        object["kind"] = .integer(1)
        // 64-bit numbers are strings in protobuf's JSON.
        object["startTimeUnixNano"] = .string("\(span.start)")
        object["endTimeUnixNano"] = .string("\(end)")
        waiting.append(.object(object))
    }

    /// Written by a child: a disk may take its time.
    func flush() {
        guard !waiting.isEmpty else { return }
        let line = request(waiting).encoded() + [0x0a]
        waiting = []
        let path = path
        ForkedWork.run(on: loop, deadline: 10_000_000_000) { () throws(SysError) -> Int32 in
            let file = try FD.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
            try file.writeAll(line)
            return 0
        } done: { _ in
        }
    }

    private func request(_ spans: [JSON]) -> JSON {
        let attribute = { (key: String, value: String) -> JSON in ["key": .string(key), "value": ["stringValue": .string(value)]] }
        let resource: JSON = [
            "attributes": [attribute("service.name", "containerd-shim-swiftlet-v2"), attribute("container.id", container)]
        ]
        let scope: JSON = ["scope": ["name": "swiftlet", "version": .string(swiftletVersion)], "spans": .array(spans)]
        return ["resourceSpans": [["resource": resource, "scopeSpans": [scope]]]]
    }
}
