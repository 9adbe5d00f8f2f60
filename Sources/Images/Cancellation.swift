import Glibc
internal import LinuxSys
import Synchronization

/// Asks work that is under way to stop. It stops at the next piece of data, removes what it has made, and throws ECANCELED.
package final class Cancellation: Sendable {
    private let isCancelled = Atomic<Bool>(false)

    package init() {}

    package func cancel() { isCancelled.store(true, ordering: .relaxed) }

    func check(_ operation: String, on subject: String) throws(ImageError) {
        if isCancelled.load(ordering: .relaxed) { throw .kernel(SysError(ECANCELED, operation, on: subject)) }
    }
}
