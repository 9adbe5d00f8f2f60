internal import LinuxSys

/// The program `containerd-shim-swiftlet-v2`: its verbs, from arguments to exit status.
package enum Program {
    private static let name = "containerd-shim-swiftlet-v2"

    package static func run(_ words: [String]) -> Int32 {
        do throws(TaskError) {
            let arguments = try Arguments(words)
            switch arguments.verb {
            case .start: printOut(Array("\(try StartVerb.run(arguments))\n".utf8), to: 1)
            case .delete: printOut(try DeleteVerb.run(arguments) { say($0) }, to: 1)
            case .version: printOut(Array("\(name):\n  Version: \(shimVersion)\n".utf8), to: 1)
            case .info: printOut(Info.encoded, to: 1)
            case .help: printOut(Array("\(Arguments.usage)\n".utf8), to: 1)
            }
            return 0
        } catch {
            say(error.description)
            return 1
        }
    }

    private static func say(_ message: String) { printOut(Array("\(name): \(message)\n".utf8), to: 2) }
}
