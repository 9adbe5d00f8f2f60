import Dispatch
internal import LinuxSys
import Synchronization

/// A file that is still being written from its start to its end: who reads it waits for what is to come.
/// One writer, any number of readers, each from a thread of its own.
package final class Arrival: Sendable {
    private struct State {
        var available: UInt64 = 0
        var isBroken = false
        var waiting: [DispatchSemaphore] = []
    }
    private let state = Mutex(State())
    private let file: FDBox
    private let subject: String

    init(_ file: FDBox, subject: String) {
        self.file = file
        self.subject = subject
    }

    /// How much is there.
    package var count: UInt64 { state.withLock { $0.available } }

    /// Writes the next bytes and lets the readers have them. Blocks as long as the disk does.
    package func append(_ bytes: [UInt8]) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        do { try file.fd.writeAll(bytes[...], at: Int64(count)) } catch { throw .kernel(SysError(error.errno, "write", on: subject)) }
        wake { $0.available += UInt64(bytes.count) }
    }

    /// Nothing more will come: readers get an error, also those that have not yet read what is there.
    package func breakOff() { wake { $0.isBroken = true } }

    private func wake(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for reader in waiting { reader.signal() }
    }

    /// Waits until there is something behind `offset`; how much is there in all.
    func wait(behind offset: UInt64) throws(ImageError) -> UInt64 {
        while true {
            let turn = DispatchSemaphore(value: 0)
            let (available, isBroken) = state.withLock { state in
                if state.available <= offset, !state.isBroken { state.waiting.append(turn) }
                return (state.available, state.isBroken)
            }
            guard !isBroken else { throw .archive(subject: subject, reason: "its transfer was broken off") }
            if available > offset { return available }
            turn.wait()
        }
    }
}
