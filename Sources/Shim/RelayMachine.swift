package import LinuxSys

/// What one direction of a relay waits for. Bytes that were read and not yet written are kept; while there are any, nothing is read.
package struct RelayMachine: Equatable, Sendable {
    package enum Want: Equatable, Sendable { case read, write, nothing }

    package private(set) var pending: [UInt8] = []
    package private(set) var written = 0
    private var sourceEnded = false
    private var discarding = false
    /// What is to be moved without passing through here found no room.
    private var sinkIsFull = false
    private var stopped = false

    package init() {}

    package var want: Want {
        if stopped { return .nothing }
        if sinkIsFull { return .write }
        if written < pending.count { return .write }
        return sourceEnded ? .nothing : .read
    }

    /// Nothing will come any more, and all that came was written.
    package var isFinished: Bool { want == .nothing }

    /// One read from the source into `buffer`. EAGAIN changes nothing: readiness will come again.
    package mutating func received(_ transfer: Transfer, _ buffer: [UInt8]) {
        switch transfer {
        case .wouldBlock: break
        case .ended: sourceEnded = true
        case .bytes(let count):
            guard !discarding else { return }
            pending = Array(buffer[..<count])
            written = 0
        }
    }

    /// One write of `pending` from `written`. A short write keeps the rest.
    package mutating func sent(_ transfer: Transfer) {
        guard case .bytes(let count) = transfer else { return }
        written += count
        if written >= pending.count {
            pending = []
            written = 0
        }
    }

    /// The sink has no room for what the source has: both wait for the sink.
    package mutating func foundSinkFull() { sinkIsFull = true }
    /// The sink may have room again.
    package mutating func sinkReady() { sinkIsFull = false }

    /// The sink takes no more: the source is still drained, so that its writer does not block for good.
    package mutating func sinkFailed() {
        discarding = true
        pending = []
        written = 0
    }

    /// The source cannot be read any more.
    package mutating func sourceFailed() { sourceEnded = true }

    /// Ends it at once, whatever is pending.
    package mutating func stop() { stopped = true }
}
