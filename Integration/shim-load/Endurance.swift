import Glibc
import LinuxSys

/// What the shim and the container's cgroup hold while many processes are executed: the mean of the first tenth and of the last, and of
/// the cgroup's memory the least, since what runs at that moment is in it too.
struct Endurance {
    private struct Sample { var rss: Int, descriptors: Int, memory: Int }

    private let path: String, shim: Int32
    private let every: Int
    private var steps = 0
    private var samples: [Sample] = []

    /// Nil without a file that tells the cgroup's memory.
    init?(_ path: String, shim: Int32, count: Int) throws {
        guard !path.isEmpty else { return nil }
        self.path = path
        self.shim = shim
        every = max(1, count / 200)
    }

    mutating func step() throws {
        steps += 1
        guard steps % every == 0 else { return }
        let holding = try Holding(of: shim)
        let text = String(decoding: try FD.open(path, O_RDONLY).readAll(limit: 64), as: UTF8.self)
        guard let memory = Int(text.prefix { $0.isNumber }) else { throw LoadFailure("\(path): \(text)") }
        samples.append(Sample(rss: holding.rss, descriptors: holding.descriptors, memory: memory / 1024))
    }

    func tell() {
        let tenth = max(1, samples.count / 10)
        func mean(_ part: ArraySlice<Sample>, _ field: (Sample) -> Int) -> String {
            decimal(Double(part.reduce(0) { $0 + field($1) }) / Double(part.count), places: 1)
        }
        func least(_ part: ArraySlice<Sample>) -> String { "\(part.map(\.memory).min() ?? 0)" }
        let (first, last) = (samples.prefix(tenth), samples.suffix(tenth))
        report([
            "rss_first": mean(first, \.rss), "rss_last": mean(last, \.rss), "fds_first": mean(first, \.descriptors),
            "fds_last": mean(last, \.descriptors), "cgroup_first": least(first), "cgroup_last": least(last),
        ])
    }
}
