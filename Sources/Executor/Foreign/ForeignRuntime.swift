package import LinuxSys

/// Another OCI runtime that sets containers up in the executor's place: runc, crun, youki, by runc's command line.
package struct ForeignRuntime: Equatable, Sendable {
    /// A path, or a name to be looked for in PATH.
    package var program: String
    /// The directory of its state (`--root`).
    package var root: String

    package init(program: String, root: String) {
        self.program = program
        self.root = root
    }

    /// Where the program is.
    package func path() throws(SysError) -> String { try ProgramSearch(environment: currentEnvironment()).find(program) }
}

/// A call of such a runtime on a container that it has created.
package enum ForeignCall: Equatable, Sendable {
    case start
    case kill(signal: Int32)
    case pause
    case resume
    /// `linux.resources` as JSON.
    case update([UInt8])

    var words: [String] {
        switch self {
        case .start: ["start"]
        case .kill: ["kill"]
        case .pause: ["pause"]
        case .resume: ["resume"]
        case .update: ["update", "--resources", "-"]
        }
    }

    /// What follows the container's id.
    var lastWords: [String] { if case .kill(let signal) = self { ["\(signal)"] } else { [] } }

    var input: [UInt8]? { if case .update(let resources) = self { resources } else { nil } }
}
