import Glibc
internal import LinuxSys
internal import OCI
package import TaskAPI

/// How an orchestrator starts a shim: three dialects, told apart by what comes in, and each answered in kind.
///
///     containerd      says                                        is answered on stdout with
///     1.6             flags, TTRPC_ADDRESS; options on stdin      unix://PATH
///     1.7 … 2.2       the same and MAX_SHIM_VERSION, NAMESPACE,   {"version":2,"address":"unix://PATH","protocol":"ttrpc"}
///                     GRPC_ADDRESS
///     2.3 and newer   the same flags; BootstrapParams on stdin    BootstrapResult
///
/// On stdin: google.protobuf.Any with the runtime's options, or nothing; a message of options can also be read as BootstrapParams, so it
/// is taken for that only when it names the same container as the flags (containerd's own shim looks there too).
package struct Bootstrap: Equatable, Sendable {
    package enum Dialect: Equatable, Sendable {
        case address
        case json(version: Int)
        case message
    }

    package var dialect: Dialect
    /// The flags, with what the message on stdin says beyond them.
    package var arguments: Arguments
    package var ttrpcAddress: String
    /// Where the socket is to be; empty: the usual place.
    package var socketDirectory = ""
    package var options: AnyValue?

    /// The highest version of the task API that is spoken here.
    package static let highestVersion = 3

    package init(_ arguments: Arguments, environment: [String: String], input: [UInt8]) throws(TaskError) {
        self.arguments = arguments
        ttrpcAddress = environment["TTRPC_ADDRESS"] ?? ""
        if let version = environment["MAX_SHIM_VERSION"] {
            guard let number = Int(version), number >= 2 else {
                throw .invalid("MAX_SHIM_VERSION \(version)", "a number from 2 on expected")
            }
            dialect = .json(version: min(number, Self.highestVersion))
        } else {
            dialect = .address
        }
        guard !input.isEmpty else { return }
        if let message = try? BootstrapParameters(input), message.instanceID == arguments.id, message.namespace == arguments.namespace {
            take(message)
            return
        }
        do { options = try AnyValue(parsing: input) } catch {
            throw .undecodable("standard input", "neither bootstrap parameters of this container nor runtime options")
        }
    }

    private mutating func take(_ message: BootstrapParameters) {
        dialect = .message
        if message.logLevel <= -4 { arguments.debug = true }
        if !message.ttrpcAddress.isEmpty { ttrpcAddress = message.ttrpcAddress }
        if !message.grpcAddress.isEmpty { arguments.address = message.grpcAddress }
        socketDirectory = message.socketDirectory
        options = message.extensions.first { $0.typeName == RuncOptions.typeName || $0.typeName == ConfiguredOptions.typeName }
    }

    /// What goes to stdout once the shim serves at `address`. Go's JSON has its members in this order and nothing behind it.
    package func answer(_ address: String) -> [UInt8] {
        switch dialect {
        case .address: return Array(address.utf8)
        case .json(let version):
            let parameters: JSON = ["version": .integer(Int64(version)), "address": .string(address), "protocol": "ttrpc"]
            return parameters.encoded()
        case .message: return BootstrapResult(version: Int32(Self.highestVersion), address: address).encoded
        }
    }

    /// The cgroup that the shim is to join (option ShimCgroup). Of options that are a file's only Create will tell what is wrong.
    package var shimCgroup: String {
        guard let parsed = try? CreateOptions(options) else { return "" }
        switch parsed {
        case .none: return ""
        case .runc(let options): return options.shimCgroup
        case .configured(let configured):
            let bytes = configured.path.isEmpty ? configured.body : StandardInput.file(configured.path)
            return (try? RuncOptions(toml: bytes, source: "options"))?.shimCgroup ?? ""
        }
    }
}

/// What an orchestrator hands over on stdin. It writes at once and closes; whoever leaves an open pipe or a terminal there says nothing.
enum StandardInput {
    private static let limit = 10 << 20
    private static let patience: Int32 = 5_000

    static func read() throws(TaskError) -> [UInt8] {
        do throws(SysError) {
            let input: FD
            do throws(SysError) { input = try FD.copy(of: 0) } catch { return [] }  // closed
            let type = try input.fileType()
            guard type == S_IFIFO || type == S_IFREG || type == S_IFSOCK else { return [] }
            guard type != S_IFREG else { return try input.readAll(limit: limit) }
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16_384)
            let end = monotonicNanoseconds() + UInt64(patience) * 1_000_000
            while true {
                let now = monotonicNanoseconds()
                guard now < end, try input.waitReadable(milliseconds: Int32((end - now) / 1_000_000) + 1) else {
                    throw SysError(ETIMEDOUT, "read", on: "standard input, which stays open")
                }
                guard case .bytes(let count) = try input.read(into: &buffer) else { return all }
                all += buffer[..<count]
                guard all.count <= limit else { throw SysError(EFBIG, "read", on: "standard input") }
            }
        } catch { throw .kernel(error) }
    }

    static func file(_ path: String) -> [UInt8] { (try? FD.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: 32 << 10)) ?? [] }
}
