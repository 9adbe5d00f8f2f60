import Glibc
import LinuxSys

/// Times of many calls, in nanoseconds.
struct Latencies {
    private var all: [UInt64] = []

    init(room: Int) { all.reserveCapacity(room) }

    mutating func add(_ time: UInt64) { all.append(time) }

    /// The time that `share` of the calls (0 to 1) needed at most, in microseconds.
    func percentile(_ share: Double) -> String {
        let sorted = all.sorted()
        guard !sorted.isEmpty else { return "none" }
        let nanoseconds = sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        return decimal(Double(nanoseconds) / 1000, places: 1)
    }
}

/// Processor time of a process, all its threads and the children that it has waited for (proc_pid_stat(5)), in milliseconds.
struct ProcessorTime {
    let own: Double, children: Double

    init(of pid: Int32) throws {
        let bytes = try FD.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096)
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { throw LoadFailure("/proc/\(pid)/stat cannot be read") }
        let fields = bytes[(close + 1)...].split(separator: 0x20).map { Double(String(decoding: $0, as: UTF8.self)) ?? 0 }
        let tick = 1000 / Double(sysconf(Int32(_SC_CLK_TCK)))
        own = (fields[11] + fields[12]) * tick
        children = (fields[13] + fields[14]) * tick
    }

    private init(own: Double, children: Double) {
        self.own = own
        self.children = children
    }

    static func - (later: ProcessorTime, earlier: ProcessorTime) -> ProcessorTime {
        ProcessorTime(own: later.own - earlier.own, children: later.children - earlier.children)
    }
}

/// What a process holds.
struct Holding {
    let rss: Int, descriptors: Int

    /// `rss` in KiB.
    init(of pid: Int32) throws {
        let text = String(decoding: try FD.open("/proc/\(pid)/smaps_rollup", O_RDONLY).readAll(limit: 65_536), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Rss:") }) else { throw LoadFailure("no Rss of \(pid)") }
        rss = Int(line.split(separator: " ")[1]) ?? 0
        descriptors = try names(in: "/proc/\(pid)/fd")
    }
}

private func names(in path: String) throws -> Int {
    guard let directory = unsafe opendir(path) else { throw LoadFailure("cannot read \(path)") }
    defer { unsafe closedir(directory) }
    var count = 0
    while let entry = unsafe readdir(directory) { if unsafe entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 } }
    return count
}

func decimal(_ value: Double, places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let whole = Int((value * scale).rounded())
    guard places > 0 else { return "\(whole)" }
    let digits = "\(abs(whole))"
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (whole < 0 ? "-" : "") + padded.dropLast(places) + "." + padded.suffix(places)
}
