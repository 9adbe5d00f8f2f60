package import LinuxSys

/// Why a cgroup could not be made, changed or removed.
package enum CgroupError: Error, Equatable, CustomStringConvertible, Sendable {
    case kernel(SysError)
    /// The field of config.json that asks for what this host or this version of cgroups does not have.
    case unsupported(field: String, reason: String)
    /// /proc/self/mountinfo shows no cgroup mount.
    case notMounted
    /// The directory already has processes of somebody else.
    case occupied(directory: String, processes: [Int32])
    /// Removal waited and these are still there; empty when the kernel names none (a sub-cgroup that is busy, a zombie).
    case held(directory: String, by: [String])
    /// A new memory limit is below what is in use (`checkBeforeUpdate`).
    case inUse(bytes: UInt64, limit: Int64)

    /// A freeze did not come to its end in time, and was taken back.
    case notFrozen(directory: String, milliseconds: UInt64)
    /// The kernel refused the value of a field of config.json.
    case refused(field: String, SysError)
    case systemd(operation: String, reason: String)

    package var description: String {
        switch self {
        case .kernel(let error): return error.description
        case .unsupported(let field, let reason): return "\(field): \(reason)"
        case .notMounted: return "find cgroups: none is mounted"
        case .occupied(let directory, let processes):
            return "create cgroup \(directory): it has processes already (\(processes.map(String.init).joined(separator: ", ")))"
        case .held(let directory, let holders):
            return "remove cgroup \(directory): held by \(holders.isEmpty ? "no process that is listed" : holders.joined(separator: ", "))"
        case .notFrozen(let directory, let milliseconds): return "freeze cgroup \(directory): it did not follow within \(milliseconds) ms"
        case .refused(let field, let error): return "\(field): \(error)"
        case .systemd(let operation, let reason): return "\(operation): \(reason)"
        case .inUse(let bytes, let limit): return "linux.resources.memory.limit: \(limit) is below the \(bytes) bytes in use"
        }
    }
}
