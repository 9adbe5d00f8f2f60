import Glibc
import LinuxSys
package import Messages
import NIOPosix
import OCI
import SwiftProtobuf

/// The verbs of a shim's command line, as containerd 1.6 and newer call them.
package enum ShimProcess {
    package static let programName = "containerd-shim-swiftlet-v2"
    /// A shim that has not answered its verb by then is killed (containerd's own patience for it).
    package static let patience: Duration = .seconds(30)

    /// The shim's path: `SWIFTLET_SHIM`, else beside this program, else in PATH.
    package static func locate() throws(ShimError) -> String {
        if let chosen = environment("SWIFTLET_SHIM") {
            guard isProgram(chosen) else { throw .notFound(searched: ["SWIFTLET_SHIM=\(chosen)"]) }
            return chosen
        }
        let places = [ownDirectory()].compactMap(\.self) + (environment("PATH") ?? "").split(separator: ":").map(String.init)
        for place in places where isProgram("\(place)/\(programName)") { return "\(place)/\(programName)" }
        throw .notFound(searched: places)
    }

    /// Starts the shim of container `id`, or finds the one that runs, and returns the path of its socket.
    ///
    /// - Parameters:
    ///   - bundle: the container's bundle, the shim's working directory.
    ///   - eventAddress: the socket to which it forwards events; nil: it keeps them to itself.
    ///   - socketDirectory: where its own socket is to be; nil: as the environment says, or where shims have them.
    package static func start(
        shim: String, id: String, namespace: String, bundle: String, eventAddress: String? = nil, debug: Bool = false,
        socketDirectory: String? = nil
    ) async throws(ShimError) -> String {
        let flags = ["-namespace", namespace, "-id", id, "-address", ""] + (debug ? ["-debug"] : [])
        let environment = shimEnvironment(namespace, eventAddress, socketDirectory)
        let output = try await run(shim, "start", id, flags + ["start"], bundle, environment)
        let answer = text(output.stdout).trimmed
        guard let address = address(in: answer) else {
            throw .badAnswer(verb: "start", id: id, "printed no address: \(answer.prefix(200))")
        }
        guard address.hasPrefix("unix:///") else { throw .badAnswer(verb: "start", id: id, "address \(address): no path of a socket") }
        return String(address.dropFirst(7))
    }

    /// Cleans up behind a shim that is gone, and tells how its container ended.
    package static func delete(
        shim: String, id: String, namespace: String, bundle: String, eventAddress: String? = nil, socketDirectory: String? = nil
    ) async throws(ShimError) -> Containerd_Task_V2_DeleteResponse {
        let flags = ["-namespace", namespace, "-id", id, "-address", "", "-bundle", bundle]
        let environment = shimEnvironment(namespace, eventAddress, socketDirectory)
        let output = try await run(shim, "delete", id, flags + ["delete"], bundle, environment)
        do { return try Containerd_Task_V2_DeleteResponse(serializedBytes: output.stdout) } catch {
            throw .badAnswer(verb: "delete", id: id, "printed no DeleteResponse: \(error)")
        }
    }

    private static func run(
        _ shim: String, _ verb: String, _ id: String, _ arguments: [String], _ bundle: String, _ environment: [String]
    ) async throws(ShimError) -> ProgramOutput {
        let result: Result<ProgramOutput, SysError>
        do {
            result = try await NIOThreadPool.singleton.runIfActive { () -> Result<ProgramOutput, SysError> in
                do throws(SysError) {
                    return .success(
                        try runProgram(
                            shim, arguments, environment: environment, directory: bundle,
                            deadline: UInt64(patience.components.seconds) * 1_000_000_000))
                } catch { return .failure(error) }
            }
        } catch { throw .run(SysError(ECANCELED, "run", on: shim)) }
        let output: ProgramOutput
        do { output = try result.get() } catch { throw .run(error) }
        guard output.status == .code(0) else {
            throw .failed(verb: verb, id: id, output.status, message: lastLine(text(output.stderr)) ?? lastLine(text(output.stdout)) ?? "")
        }
        return output
    }

    /// This process' environment with what belongs to the shim set, or unset.
    private static func shimEnvironment(_ namespace: String, _ events: String?, _ sockets: String?) -> [String] {
        var own = ["TTRPC_ADDRESS", "GRPC_ADDRESS", "NAMESPACE", "MAX_SHIM_VERSION"]
        if sockets != nil { own.append(socketVariable) }
        var result = environmentLines().filter { line in !own.contains { line.hasPrefix($0 + "=") } }
        result.append("NAMESPACE=\(namespace)")
        result.append("MAX_SHIM_VERSION=2")
        if let events { result.append("TTRPC_ADDRESS=\(events)") }
        if let sockets { result.append("\(socketVariable)=\(sockets)") }
        return result
    }

    private static let socketVariable = "SWIFTLET_SOCKET_DIR"

    /// The bare address (bootstrap of containerd 1.6), or the `address` of JSON bootstrap parameters (1.7 and newer).
    static func address(in answer: String) -> String? {
        guard answer.hasPrefix("{") else { return answer.isEmpty ? nil : answer.split(separator: "\n").last.map(String.init) }
        return (try? JSON(parsing: Array(answer.utf8)))?["address"]?.string
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The last line with something in it: a shim's log may stand before the error.
    private static func lastLine(_ text: String) -> String? {
        text.split(separator: "\n").map { String($0).trimmed }.last { !$0.isEmpty }
    }

    private static func isProgram(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    private static func environmentLines() -> [String] {
        var lines: [String] = []
        var entry = unsafe environ
        while let line = unsafe entry.pointee {
            unsafe lines.append(String(cString: line))
            unsafe entry += 1
        }
        return lines
    }

    private static func ownDirectory() -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count, let slash = buffer[..<count].lastIndex(of: CChar(UInt8(ascii: "/"))) else { return nil }
        return text(buffer[..<slash].map { UInt8(bitPattern: $0) })
    }
}

extension String {
    fileprivate var trimmed: String {
        let inner = drop(while: \.isWhitespace)
        guard let last = inner.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(inner[...last])
    }
}
