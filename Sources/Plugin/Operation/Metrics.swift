internal import LinuxSys
internal import Synchronization
internal import TTRPC

/// What swiftletd counts of itself, in the words of Prometheus (text format 0.0.4). Names: `swiftletd_…`, seconds and bytes.
final class Metrics: Sendable {
    /// Upper bounds in seconds.
    static let bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    struct Histogram: Equatable, Sendable {
        /// How many fell in each bound's bucket, and past the last.
        private(set) var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count + 1)
        private(set) var sum = 0.0
        var count: UInt64 { buckets.reduce(0, +) }

        mutating func add(_ seconds: Double) {
            buckets[Metrics.bounds.firstIndex { seconds <= $0 } ?? Metrics.bounds.count] += 1
            sum += seconds
        }
    }

    struct Method: Equatable, Sendable {
        var time = Histogram()
        /// By the name of the status code.
        var errors: [String: UInt64] = [:]
    }

    struct Counters: Equatable, Sendable {
        var methods: [String: Method] = [:]
        var shimStarts: UInt64 = 0
        var shimStartFailures: UInt64 = 0
        /// From a process' end to the moment that it was known here.
        var exitLag = Histogram()
    }

    private let counters = Mutex(Counters())
    let started = realtimeNanoseconds()

    var now: Counters { counters.withLock { $0 } }

    /// A call that was answered. `service` and `method` are those of a handler, so that a caller cannot make up new ones.
    func called(_ service: String, _ method: String, _ code: StatusCode, took nanoseconds: UInt64) {
        counters.withLock { counters in
            var entry = counters.methods["\(service)/\(method)"] ?? Method()
            entry.time.add(Double(nanoseconds) / 1e9)
            if code != .ok { entry.errors["\(code)", default: 0] += 1 }
            counters.methods["\(service)/\(method)"] = entry
        }
    }

    func shimStarted(_ isGood: Bool) {
        counters.withLock { if isGood { $0.shimStarts += 1 } else { $0.shimStartFailures += 1 } }
    }

    /// `ended` in nanoseconds since 1970.
    func heardOfExit(ended: UInt64) {
        let now = realtimeNanoseconds()
        counters.withLock { $0.exitLag.add(now > ended ? Double(now - ended) / 1e9 : 0) }
    }
}
