internal import EventLoop
internal import Executor
import Glibc
internal import LinuxSys
internal import TTRPC
internal import TaskAPI

/// What Create's options mean here.
struct TaskOptions {
    var executor = ExecutorOptions()
    /// Who owns the pipes of the standard streams (an image's user opens /dev/stdout again).
    var owner: ProcessIO.Owner?
    var criuPath = ""
    var criuImagePath = ""
    var criuWorkPath = ""

    init() {}

    /// ShimCgroup is met when the shim is started; the address of a task API is containerd's own business.
    ///
    /// - Parameter namespace: the orchestrator's, in which another runtime keeps its containers.
    init(_ options: RuncOptions, namespace: String) throws(TaskError) {
        executor.noPivotRoot = options.noPivotRoot
        executor.noNewKeyring = options.noNewKeyring
        executor.systemdCgroup = options.systemdCgroup
        if options.ioUID != 0 || options.ioGID != 0 { owner = ProcessIO.Owner(uid: options.ioUID, gid: options.ioGID) }
        if !options.binaryName.isEmpty { executor.runtime = try Self.runtime(options, namespace) }
        for (name, path) in [("CriuImagePath", options.criuImagePath), ("CriuWorkPath", options.criuWorkPath)] {
            guard path.isEmpty || path.hasPrefix("/") else { throw .invalid("option \(name)", "\(path): an absolute path expected") }
        }
        criuPath = options.criuPath
        criuImagePath = options.criuImagePath
        criuWorkPath = options.criuWorkPath
    }

    private static func runtime(_ options: RuncOptions, _ namespace: String) throws(TaskError) -> ForeignRuntime {
        let root = options.root.isEmpty ? "/run/containerd/runc" : options.root
        guard root.hasPrefix("/") else { throw .invalid("option Root", "\(root): an absolute path expected") }
        guard !options.binaryName.hasPrefix("-"), !options.binaryName.contains("/") || options.binaryName.hasPrefix("/") else {
            throw .invalid("option BinaryName", "\(options.binaryName): an absolute path or a name in PATH expected")
        }
        return ForeignRuntime(program: options.binaryName, root: "\(root)/\(namespace)")
    }

    private static let fileDeadline: UInt64 = 10_000_000_000
    private static let fileLimit = 32 << 10

    /// Calls back at once, or when a file that is named there has been read by another process.
    static func read(_ any: AnyValue?, namespace: String, loop: EventLoop, _ done: @escaping (Result<TaskOptions, TaskError>) -> Void) {
        do throws(TaskError) {
            let options: CreateOptions
            do throws(Status) { options = try CreateOptions(any) } catch { throw TaskError("create options", error) }
            switch options {
            case .none: done(.success(TaskOptions()))
            case .runc(let runc): done(.success(try TaskOptions(runc, namespace: namespace)))
            case .configured(let configured):
                try RuncOptions.checkDocumentType(configured.typeURL)
                guard !configured.path.isEmpty else {
                    let options = try RuncOptions(toml: configured.body, source: "ConfigBody")
                    return done(.success(try TaskOptions(options, namespace: namespace)))
                }
                try readFile(configured.path, namespace, loop, done)
            }
        } catch { done(.failure(error)) }
    }

    private static func readFile(
        _ path: String, _ namespace: String, _ loop: EventLoop, _ done: @escaping (Result<TaskOptions, TaskError>) -> Void
    ) throws(TaskError) {
        guard path.hasPrefix("/") else { throw .invalid("option ConfigPath", "\(path): an absolute path expected") }
        ForkedWork.bytes(on: loop, deadline: fileDeadline, subject: "option ConfigPath") { () throws(TaskError) in
            do throws(SysError) { return try FD.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: fileLimit) } catch { throw .kernel(error) }
        } done: { result in
            switch result {
            case .failure(let error): done(.failure(error))
            case .success(let bytes):
                do throws(TaskError) {
                    done(.success(try TaskOptions(try RuncOptions(toml: bytes, source: path), namespace: namespace)))
                } catch { done(.failure(error)) }
            }
        }
    }
}
