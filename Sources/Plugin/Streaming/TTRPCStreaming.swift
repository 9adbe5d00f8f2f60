internal import FoundationEssentials
internal import Logging
internal import Messages
internal import NIOCore
internal import TTRPC
internal import TTRPCNIO

/// `swiftlet.plugin.v1.Streaming`: see proto/swiftlet/plugin/v1/streaming.proto.
struct TTRPCStreaming: Sendable {
    typealias Input = Swiftlet_Plugin_V1_CommandInput
    typealias Output = Swiftlet_Plugin_V1_CommandOutput

    static let service = "swiftlet.plugin.v1.Streaming"

    let site: Site
    let registry: Registry

    func add(to routes: inout Routes) {
        for method in ["Exec", "Attach"] {
            routes.duplex(Self.service, method) { (input: RequestStream<Input>, _, output: ResponseStream<Output>) in
                try await told(method) { try await command(method, input, output) }
            }
        }
        routes.duplex(Self.service, "PortForward") {
            (input: RequestStream<Swiftlet_Plugin_V1_PortInput>, _, output: ResponseStream<Swiftlet_Plugin_V1_PortOutput>) in
            try await told("PortForward") { try await forward(input, output) }
        }
    }

    private func told(_ method: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as PluginError {
            site.logger.info("\(method): \(error)")
            throw error.status
        }
    }

    private func command(_ method: String, _ input: RequestStream<Input>, _ output: ResponseStream<Output>) async throws {
        let first = try await input.next()?.content
        let client = Client(input: input, output: output)
        let code: UInt32
        switch (method, first) {
        case ("Exec", .exec(let request)): code = try await Sessions.exec(request, registry).run(client)
        case ("Attach", .attach(let request)): code = try await Sessions.attach(request, registry).run(client)
        default: throw PluginError.invalid(field: "content", reason: "the first message must be \(method.lowercased())")
        }
        var last = Output()
        last.exited.code = code
        try await output.send(last)
    }

    private func forward(
        _ input: RequestStream<Swiftlet_Plugin_V1_PortInput>, _ output: ResponseStream<Swiftlet_Plugin_V1_PortOutput>
    ) async throws {
        guard case .start(let start)? = try await input.next()?.content else {
            throw PluginError.invalid(field: "content", reason: "the first message must be start")
        }
        let session = try await PortSession.connect(try await registry.pod(start.podSandboxID), port: start.port)
        var connected = Swiftlet_Plugin_V1_PortOutput()
        connected.connected = .init()
        try await output.send(connected)
        try await session.run {
            switch try await input.next()?.content {
            case .data(let data): return Array(data)
            case .close, nil: return nil
            case .start: throw PluginError.invalid(field: "content", reason: "start comes once")
            }
        } send: { buffer in
            var message = Swiftlet_Plugin_V1_PortOutput()
            message.data = Data(buffer.readableBytesView)
            try await output.send(message)
        }
    }

    private struct Client: StreamClient {
        let input: RequestStream<Input>
        let output: ResponseStream<Output>

        func next() async throws -> ClientEvent? {
            guard let message = try await input.next() else { return nil }
            switch message.content {
            case .stdin(let data): return .stdin(Array(data))
            case .closeStdin: return .stdinClosed
            case .resize(let size): return .resize(TerminalSize(width: size.width, height: size.height))
            case .exec, .attach, nil:
                throw PluginError.invalid(field: "content", reason: "only the first message says what the call is for")
            }
        }

        func started() async throws {
            var message = Output()
            message.started = .init()
            try await output.send(message)
        }

        func send(_ bytes: ByteBuffer, of name: OutputName) async throws {
            var message = Output()
            switch name {
            case .stdout: message.stdout = Data(bytes.readableBytesView)
            case .stderr: message.stderr = Data(bytes.readableBytesView)
            }
            try await output.send(message)
        }
    }
}

/// Sessions from CRI's requests.
enum Sessions {
    static func exec(_ request: Runtime_V1_ExecRequest, _ registry: Registry) async throws(PluginError) -> ExecSession {
        ExecSession(container: try await registry.container(request.containerID), command: request.cmd, wishes: request.wishes)
    }

    static func attach(_ request: Runtime_V1_AttachRequest, _ registry: Registry) async throws(PluginError) -> AttachSession {
        AttachSession(container: try await registry.container(request.containerID), wishes: request.wishes)
    }
}

extension Runtime_V1_ExecRequest {
    var wishes: StreamWishes { StreamWishes(terminal: tty, stdin: stdin, stdout: stdout, stderr: stderr) }
}

extension Runtime_V1_AttachRequest {
    var wishes: StreamWishes { StreamWishes(terminal: tty, stdin: stdin, stdout: stdout, stderr: stderr) }
}
