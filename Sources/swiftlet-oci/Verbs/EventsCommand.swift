import Cgroups
import Glibc
import LinuxSys
import OCI

/// `events`: lines of `{"type":…,"id":…,"data":…}`, of type `stats` in an interval and `oom` when the kernel killed for want of memory.
struct EventsCommand {
    private let record: ContainerRecord
    private let interval: UInt64
    private let once: Bool
    private let process: FDBox

    init(_ call: Invocation) throws(CommandError) {
        record = try call.container(.events)
        guard let interval = TimeSpan.nanoseconds(call.given.value("interval") ?? "5s"), interval > 0 else {
            throw .usage("--interval: a time like 500ms, 5s or 1m30s expected, found \(call.given.value("interval") ?? "")")
        }
        self.interval = interval
        once = call.given.has("stats")
        guard record.status(call.store) != .stopped, let process = record.living() else { throw .notRunning("events", record.id) }
        self.process = process
    }

    func run() throws(CommandError) -> Int32 {
        if once {
            try writeStatistics()
            return 0
        }
        do throws(CgroupError) { try follow(record.group.oomWatch()) } catch { throw .cgroup(error) }
        return 0
    }

    /// Until the container has ended.
    private func follow(_ watch: consuming OOMWatch?) throws(CgroupError) {
        let group = record.group
        var next = monotonicNanoseconds() + interval
        var kills = watch?.kills() ?? 0
        // v1 tells of the want of memory before it counts the kill.
        var lookingUntil: UInt64 = 0
        while true {
            let now = monotonicNanoseconds()
            var pause = next > now ? Int32(clamping: (next - now) / 1_000_000 + 1) : 0
            if now < lookingUntil { pause = min(pause, 20) }
            let found: ReadableDescriptors
            do { found = try pollReadable([process.raw, watch?.fd.raw ?? -1], milliseconds: pause) } catch { throw .kernel(error) }
            if found[1] {
                try? watch?.fd.drain()
                lookingUntil = monotonicNanoseconds() + 2_000_000_000
            }
            let count = watch?.kills() ?? kills
            if count > kills { emit("oom", nil) }
            kills = max(kills, count)
            if found[0] { return }
            guard monotonicNanoseconds() >= next else { continue }
            next += interval
            emit("stats", StatisticsDocument.json(try group.statistics()))
        }
    }

    private func writeStatistics() throws(CommandError) {
        emit("stats", StatisticsDocument.json(try cgroup { () throws(CgroupError) in try record.group.statistics() }))
    }

    private func emit(_ type: String, _ data: JSON?) {
        var event: JSONObject = ["type": .string(type), "id": .string(record.id)]
        event["data"] = data
        write(JSON.object(event).text() + "\n", to: 1)
    }
}

/// Times as Go's durations are written: `1h2m3.5s`, `500ms`, `20us`.
enum TimeSpan {
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// Nil for anything else, what is negative, and more than a hundred years.
    static func nanoseconds(_ text: String) -> UInt64? {
        if text == "0" { return 0 }
        var total = 0.0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            let name = rest.dropFirst(digits.count).prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
            guard digits.first != ".", digits.last != ".", let amount = Double(String(digits)),
                let unit = units.first(where: { $0.name == name })
            else { return nil }
            total += amount * unit.nanoseconds
            rest = rest.dropFirst(digits.count + name.count)
        }
        return total < 3.2e18 ? UInt64(total) : nil
    }
}
