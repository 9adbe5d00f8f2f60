internal import Glibc
internal import LinuxSys
internal import NIOPosix
internal import OCI

/// Runs network plugins, each with a deadline, on threads of their own: a plugin that hangs delays nothing but networks.
final class PluginRunner: Sendable {
    /// Where plugins are looked for, in this order.
    let path: [String]
    private let deadline: Duration
    private let threads: NIOThreadPool
    private let environment: [String]

    static let mostAtOnce = 16

    init(path: [String], deadline: Duration) {
        self.path = path
        self.deadline = deadline
        environment = currentEnvironment().filter { !$0.hasPrefix("CNI_") }
        threads = NIOThreadPool(numberOfThreads: Self.mostAtOnce)
        threads.start()
    }

    deinit { threads.shutdownGracefully { _ in } }

    func program(_ type: String) throws(NetworkError) -> String {
        for directory in path where unsafe access("\(directory)/\(type)", X_OK) == 0 { return "\(directory)/\(type)" }
        throw .missingPlugin(type: type, searched: path)
    }

    /// The document that it answers with; null when it says nothing, as most verbs do.
    func run(_ call: PluginCall) async throws(NetworkError) -> JSON {
        let program = try program(call.type)
        let environment = environment + call.environment
        let limit = deadline.components.seconds
        let result: Result<ProgramOutput, SysError>
        do {
            result = try await threads.runIfActive {
                do throws(SysError) {
                    return .success(
                        try runProgram(
                            program, [], environment: environment, directory: nil, deadline: UInt64(limit) * 1_000_000_000, limit: 4 << 20,
                            input: call.input.encoded(), group: .own))
                } catch { return .failure(error) }
            }
        } catch { throw .kernel(SysError(ECANCELED, "run", on: program)) }
        switch result {
        case .success(let output): return try Self.answer(output, call)
        case .failure(let error) where error.errno == ETIMEDOUT:
            throw .deadline(call.verb, type: call.type, network: call.network, seconds: limit)
        case .failure(let error): throw .kernel(error)
        }
    }

    /// What the plugin's end means (CNI, "Error": an object on stdout).
    static func answer(_ output: ProgramOutput, _ call: PluginCall) throws(NetworkError) -> JSON {
        let document = try? JSON(parsing: output.stdout)
        guard output.status == .code(0) else {
            var message = document?["msg"]?.string ?? ""
            if let details = document?["details"]?.string, !details.isEmpty { message += message.isEmpty ? details : "; \(details)" }
            if message.isEmpty { message = lastLine(output.stderr) ?? lastLine(output.stdout) ?? "" }
            if message.isEmpty { message = "ended with \(output.status)" }
            let code = (document?["code"]?.int64).flatMap { UInt32(exactly: $0) }
            throw .plugin(call.verb, type: call.type, network: call.network, code: code, message: oneLine(message))
        }
        if let document { return document }
        guard output.stdout.allSatisfy({ $0 == 0x20 || (0x09...0x0d).contains($0) }) else {
            throw .answer(call.verb, type: call.type, network: call.network, reason: "it is no JSON")
        }
        return .null
    }

    private static func lastLine(_ bytes: [UInt8]) -> String? {
        bytes.split(separator: 0x0a).last { !$0.allSatisfy { $0 == 0x20 } }.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func oneLine(_ text: String) -> String {
        String(text.unicodeScalars.prefix(1000).map { $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0) })
    }
}
