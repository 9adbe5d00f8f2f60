internal import Executor
internal import LinuxSys
internal import OCI

/// The program `containerd-shim-swiftlet-v2`: its verbs, from arguments to exit status.
package enum Program {
    private static let name = "containerd-shim-swiftlet-v2"

    package static func run(_ words: [String]) -> Int32 {
        do throws(TaskError) {
            let arguments = try Arguments(words)
            switch arguments.verb {
            case .start:
                try beOutOfReach()
                try StartVerb.run(arguments)
            case .delete: printOut(try DeleteVerb.run(arguments) { say($0) }, to: 1)
            case .version: printOut(Array("\(name):\n  Version: \(swiftletVersion)\n".utf8), to: 1)
            case .info: printOut(try Info.document(), to: 1)
            case .help: printOut(Array("\(Arguments.usage)\n".utf8), to: 1)
            }
            return 0
        } catch {
            say(error.description)
            return 1
        }
    }

    /// The daemon that `start` leaves clones executors, which a container can get to see: their binary must not be writable
    /// through them (CVE-2019-5736).
    private static func beOutOfReach() throws(TaskError) {
        do throws(SysError) {
            try SealedProgram.ensure(arguments: CommandLine.arguments)
            // Executed by descriptor, the process is named after that.
            ProcessControl.setName(name)
        } catch { throw .kernel(error) }
    }

    private static func say(_ message: String) { printOut(Array("\(name): \(message)\n".utf8), to: 2) }
}
