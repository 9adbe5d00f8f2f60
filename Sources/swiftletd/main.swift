internal import ArgumentParser
internal import Plugin

_ = SwiftletDaemon.termination
await SwiftletDaemon.start()
