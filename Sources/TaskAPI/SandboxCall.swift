internal import CTaskProto
package import TTRPC

/// One call of containerd's sandbox service v1 as values: one shim is one sandbox there, with all its containers.
package enum SandboxCall: Equatable, Sendable {
    /// `netns`: the network namespace that was made for it; empty for the host's.
    case create(id: String, bundle: String, netns: String)
    case start(id: String)
    case platform(id: String)
    case stop(id: String, seconds: UInt32)
    case wait(id: String)
    case status(id: String, verbose: Bool)
    case ping(id: String)
    case shutdown(id: String)
    case metrics(id: String)

    package static let service = "containerd.runtime.sandbox.v1.Sandbox"

    package init(_ request: RequestEnvelope) throws(Status) {
        let payload = request.payload
        func name(_ message: String) -> String { "containerd.runtime.sandbox.v1.\(message)" }
        switch request.method {
        case "CreateSandbox":
            self = try unsafe decode(
                payload, name("CreateSandboxRequest"), containerd__runtime__sandbox__v1__create_sandbox_request__init
            ) {
                unsafe .create(id: text($0.sandbox_id), bundle: text($0.bundle_path), netns: text($0.netns_path))
            }
        case "StopSandbox":
            self = try unsafe decode(payload, name("StopSandboxRequest"), containerd__runtime__sandbox__v1__stop_sandbox_request__init) {
                unsafe .stop(id: text($0.sandbox_id), seconds: $0.timeout_secs)
            }
        case "SandboxStatus":
            self = try unsafe decode(
                payload, name("SandboxStatusRequest"), containerd__runtime__sandbox__v1__sandbox_status_request__init
            ) {
                unsafe .status(id: text($0.sandbox_id), verbose: $0.verbose != 0)
            }
        default: self = try Self.named(request.method, payload)
        }
    }

    /// Calls with the sandbox's name alone: their messages are the same on the wire.
    private static func named(_ method: String, _ payload: [UInt8]) throws(Status) -> SandboxCall {
        let methods = ["StartSandbox", "Platform", "WaitSandbox", "PingSandbox", "ShutdownSandbox", "SandboxMetrics"]
        guard methods.contains(method) else { throw Status(.unimplemented, "method \(service)/\(method) is not served here") }
        let id = try unsafe decode(
            payload, "\(service).\(method)Request", containerd__runtime__sandbox__v1__start_sandbox_request__init
        ) { unsafe text($0.sandbox_id) }
        switch method {
        case "StartSandbox": return .start(id: id)
        case "Platform": return .platform(id: id)
        case "WaitSandbox": return .wait(id: id)
        case "PingSandbox": return .ping(id: id)
        case "ShutdownSandbox": return .shutdown(id: id)
        default: return .metrics(id: id)
        }
    }
}

/// The answer to a `SandboxCall`. Times are nanoseconds since 1970.
package enum SandboxReply: Equatable, Sendable {
    /// CreateSandbox, StopSandbox, PingSandbox, ShutdownSandbox.
    case empty
    case start(pid: UInt32, createdAt: UInt64)
    case platform(os: String, architecture: String, variant: String)
    case wait(exitStatus: UInt32, exitedAt: UInt64)
    case status(SandboxState)
    case metrics(id: String, at: UInt64, Metrics?)

    package var encoded: [UInt8] {
        switch self {
        case .empty: return []
        case .start(let pid, let createdAt):
            return unsafe encode(containerd__runtime__sandbox__v1__start_sandbox_response__init) { message, arena in
                unsafe message.pid = pid
                unsafe message.created_at = unsafe arena.timestamp(createdAt)
            }
        case .platform(let os, let architecture, let variant):
            return unsafe encode(containerd__runtime__sandbox__v1__platform_response__init) { message, arena in
                unsafe message.platform = unsafe arena.message(containerd__types__platform__init) {
                    unsafe $0.os = unsafe arena.string(os)
                    unsafe $0.architecture = unsafe arena.string(architecture)
                    unsafe $0.variant = unsafe arena.string(variant)
                }
            }
        case .wait(let exitStatus, let exitedAt):
            return unsafe encode(containerd__runtime__sandbox__v1__wait_sandbox_response__init) { message, arena in
                unsafe message.exit_status = exitStatus
                unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
            }
        case .status(let state): return state.encoded
        case .metrics(let id, let time, let metrics):
            return unsafe encode(containerd__runtime__sandbox__v1__sandbox_metrics_response__init) { message, arena in
                unsafe message.metrics = unsafe arena.message(containerd__types__metric__init) {
                    unsafe $0.id = unsafe arena.string(id)
                    unsafe $0.timestamp = unsafe arena.timestamp(time)
                    if let metrics { unsafe $0.data = unsafe arena.any(metrics.any) }
                }
            }
        }
    }
}

/// What SandboxStatus answers.
package struct SandboxState: Equatable, Sendable {
    package var id: String
    package var pid: UInt32
    /// `SANDBOX_READY` or `SANDBOX_NOTREADY`, as CRI names them.
    package var state: String
    package var createdAt: UInt64
    package var exitedAt: UInt64?

    package init(id: String, pid: UInt32, state: String, createdAt: UInt64, exitedAt: UInt64? = nil) {
        self.id = id
        self.pid = pid
        self.state = state
        self.createdAt = createdAt
        self.exitedAt = exitedAt
    }

    fileprivate var encoded: [UInt8] {
        unsafe encode(containerd__runtime__sandbox__v1__sandbox_status_response__init) { message, arena in
            unsafe message.sandbox_id = unsafe arena.string(id)
            unsafe message.pid = pid
            unsafe message.state = unsafe arena.string(state)
            unsafe message.created_at = unsafe arena.timestamp(createdAt)
            unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
        }
    }
}
