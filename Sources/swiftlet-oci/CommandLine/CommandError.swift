import Cgroups
import Executor
import LinuxSys

/// Why a command could not be done, as one line: operation, subject, reason.
///
/// Callers of such commands match parts of these lines: `does not exist`, `container not running`, `already exists`.
enum CommandError: Error, CustomStringConvertible {
    case usage(String)
    case executor(ExecutorFailure)
    case kernel(SysError)
    case cgroup(CgroupError)
    case state(operation: String, id: String, reason: String)
    /// A program that could not be executed in a container: its status tells it from the program's own.
    indirect case execution(CommandError)

    var description: String {
        switch self {
        case .usage(let text): text
        case .executor(let failure): failure.description
        case .kernel(let error): error.description
        case .cgroup(let error): error.description
        case .state(let operation, let id, let reason): "\(operation) \(id): \(reason)"
        case .execution(let error): "exec failed: \(error)"
        }
    }

    var status: Int32 {
        switch self {
        case .usage, .executor, .kernel, .cgroup, .state: 1
        case .execution: 255
        }
    }

    static func missing(_ operation: String, _ id: String) -> CommandError {
        .state(operation: operation, id: id, reason: "container does not exist")
    }

    static func notRunning(_ operation: String, _ id: String) -> CommandError {
        .state(operation: operation, id: id, reason: "container not running")
    }
}

/// Turns the kernel's error into the command's.
@discardableResult
func kernel<R: ~Copyable>(_ body: () throws(SysError) -> R) throws(CommandError) -> R {
    do { return try body() } catch { throw .kernel(error) }
}

@discardableResult
func cgroup<R: ~Copyable>(_ body: () throws(CgroupError) -> R) throws(CommandError) -> R {
    do { return try body() } catch { throw .cgroup(error) }
}

@discardableResult
func executor<R: ~Copyable>(_ body: () throws(ExecutorFailure) -> R) throws(CommandError) -> R {
    do { return try body() } catch { throw .executor(error) }
}
