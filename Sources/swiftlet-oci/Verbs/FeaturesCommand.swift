import Executor
import OCI

/// `features` (features.md)
struct FeaturesCommand {
    init(_ call: Invocation) throws(CommandError) { try call.given.none(of: "features") }

    func run() -> Int32 {
        write(Features.document.text(pretty: true) + "\n", to: 1)
        return 0
    }
}
