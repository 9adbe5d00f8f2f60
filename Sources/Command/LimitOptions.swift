internal import ArgumentParser
internal import Glibc
internal import Images
internal import Synchronization

/// What an archive may ask of this machine.
struct LimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Most bytes of one layer, uncompressed (default 256g).", valueName: "size"))
    var maxSize: String?

    @Option(help: ArgumentHelp("Most bytes of one file, holes included (default 1t).", valueName: "size"))
    var maxFileSize: String?

    @Option(help: ArgumentHelp("Most entries of one layer (default 4000000).", valueName: "number"))
    var maxEntries: String?

    @Option(help: ArgumentHelp("Most directories above an entry (default 256).", valueName: "number"))
    var maxDepth: String?

    @Option(help: ArgumentHelp("Most layers of one image (default and highest 500).", valueName: "number"))
    var maxLayers: String?

    func limits() throws -> UnpackLimits {
        var limits = UnpackLimits()
        if let maxSize { limits.layerSize = UInt64(clamping: try ByteSize(parsing: maxSize).bytes) }
        if let maxFileSize { limits.fileSize = UInt64(clamping: try ByteSize(parsing: maxFileSize).bytes) }
        if let maxEntries { limits.entries = Int(try parseWholeNumber(maxEntries, from: 1, to: 1 << 40)) }
        if let maxDepth { limits.depth = Int(try parseWholeNumber(maxDepth, from: 1, to: 2000)) }
        if let maxLayers { limits.layers = Int(try parseWholeNumber(maxLayers, from: 1, to: 500)) }
        return limits
    }
}

/// Runs work that a signal makes undo itself, instead of killing this program in the middle of it.
func interruptible<R>(_ operation: String, _ subject: String, _ body: (Cancellation) throws -> R) throws -> R {
    let cancellation = Cancellation()
    let received = Received()
    let task = Task {
        for await signal in SignalQueue().signals where [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(signal) {
            received.signal(signal)
            cancellation.cancel()
        }
    }
    defer { task.cancel() }
    do {
        return try body(cancellation)
    } catch {
        guard let signal = received.first else { throw error }
        throw CommandFailure(operation, subject, "interrupted by SIG\(SignalName(number: signal).name)", status: 128 + signal)
    }
}

private final class Received: Sendable {
    private let number = Mutex<Int32?>(nil)

    var first: Int32? { number.withLock { $0 } }

    func signal(_ number: Int32) { self.number.withLock { if $0 == nil { $0 = number } } }
}
