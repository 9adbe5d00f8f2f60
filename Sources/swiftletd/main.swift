internal import ArgumentParser
internal import Plugin

_ = SwiftletDaemon.termination
do {
    try await SwiftletDaemon.parse().run()
} catch {
    SwiftletDaemon.exit(withError: error)
}
