import Executor
import TTRPC
import TaskAPI

/// The first byte says how the stream is cut into pieces; the rest is the stream.
func fuzzFrames(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let stream = bytes.dropFirst()
    let (whole, cut) = (events(of: stream, piece: max(1, stream.count)), events(of: stream, piece: Int(first) % 64 + 1))
    try require(whole == cut, "frames depend on how the stream is cut")
    var server = ServerStreams(codec: ProtobufCEnvelope.self, limits: StreamLimits(calls: 8, requestBytes: 1 << 16))
    var client = ClientStreams(codec: ProtobufCEnvelope.self)
    let request = RequestEnvelope(service: "s", method: "m", payload: [])
    for shape in [CallShape.unary, .serverStream, .clientOpen] { _ = try client.open(request, shape) }
    for event in whole {
        if case .frame(let frame) = event {
            var decoder = FrameDecoder()
            decoder.append(frame.encoded)
            try require(decoder.next() == event && decoder.held == 0, "a frame is not what it was encoded to")
        }
        for action in server.receive(event) {
            guard case .call(let stream, _, _) = action, stream % 4 == 1 else { continue }
            try require(server.respond(stream, ResponseEnvelope()) != nil, "a call that came cannot be answered")
        }
        try require(server.active.count <= 8, "more calls than the limit")
        _ = client.receive(event)
    }
}

private func events(of stream: ArraySlice<UInt8>, piece: Int) -> [FrameEvent] {
    var decoder = FrameDecoder(mostPayload: 4096)
    var found: [FrameEvent] = []
    var rest = stream
    while !rest.isEmpty {
        decoder.append(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let event = decoder.next() { found.append(event) }
    }
    return found
}

/// The first byte chooses the message; the rest is the message.
func fuzzTask(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let payload = Array(bytes.dropFirst())
    let choice = Int(first) % (taskMethods.count + 3)
    guard choice >= taskMethods.count else {
        _ = try? TaskCall(service: TaskCall.services[Int(first) / 128], method: taskMethods[choice], payload: payload)
        return
    }
    switch choice - taskMethods.count {
    case 0:
        guard let request = ProtobufCEnvelope.decodeRequest(payload) else { return }
        try require(
            ProtobufCEnvelope.decodeRequest(ProtobufCEnvelope.encode(request)) == request, "a request is not what it was encoded to")
        _ = try? TaskCall(request)
    case 1:
        guard let response = ProtobufCEnvelope.decodeResponse(payload) else { return }
        let again = ProtobufCEnvelope.decodeResponse(ProtobufCEnvelope.encode(response))
        try require(again == response, "a response is not what it was encoded to")
    default: _ = try? RuncOptions(payload)
    }
}

let taskMethods = [
    "State", "Create", "Start", "Delete", "Pids", "Pause", "Resume", "Checkpoint", "Kill", "Exec", "ResizePty", "CloseIO", "Update", "Wait",
    "Stats", "Connect", "Shutdown",
]

func fuzzExecutorRecord(_ bytes: [UInt8]) throws {
    guard let record = ExecutorRecord(bytes) else { return }
    try require(ExecutorRecord(record.encoded) == record, "a record is not what it was encoded to")
}
