internal import Executor
internal import LinuxSys
internal import OCI
internal import TTRPC
internal import TaskAPI

/// `-info`: message containerd.types.RuntimeInfo on stdout, the runtime's options on stdin (containerd 1.7 and newer ask for it, for the
/// features that it tells its own clients of: user namespaces, id-mapped and recursively read-only mounts).
enum Info {
    private static let featuresType = "types.opencontainers.org/opencontainers/runtime-spec/1/features/Features"
    private static let deadline: UInt64 = 10_000_000_000

    static func document() throws(TaskError) -> [UInt8] {
        let input = try StandardInput.read()
        var options: AnyValue?
        do throws(Status) { options = input.isEmpty ? nil : try AnyValue(parsing: input) } catch {
            throw .undecodable("standard input", error.message)
        }
        let features = AnyValue(typeURL: featuresType, value: try features(options))
        return RuntimeInfo(name: "io.containerd.swiftlet.v2", version: swiftletVersion, options: options, features: features).encoded
    }

    /// Those of the runtime that the options name, in its own words; it may not know the question.
    private static func features(_ options: AnyValue?) throws(TaskError) -> [UInt8] {
        let found: CreateOptions
        do throws(Status) { found = try CreateOptions(options) } catch { throw TaskError("runtime options", error) }
        let program: String
        switch found {
        case .none: program = ""
        case .runc(let options): program = options.binaryName
        case .configured(let configured):
            try RuncOptions.checkDocumentType(configured.typeURL)
            let bytes = configured.path.isEmpty ? configured.body : StandardInput.file(configured.path)
            program = try RuncOptions(toml: bytes, source: configured.path.isEmpty ? "ConfigBody" : configured.path).binaryName
        }
        guard !program.isEmpty else { return Features.document.encoded() }
        do throws(SysError) { return try output(of: program) } catch { throw .kernel(error) }
    }

    private static func output(of program: String) throws(SysError) -> [UInt8] {
        let path = try ForeignRuntime(program: program, root: "").path()
        let output = try runProgram(path, ["features"], environment: currentEnvironment(), directory: nil, deadline: deadline)
        return output.status == .code(0) ? output.stdout : []
    }
}
