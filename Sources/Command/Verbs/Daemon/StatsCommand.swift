internal import ArgumentParser
internal import Messages
internal import OCI

struct StatsCommand: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what the containers of swiftletd use, again and again.",
        discussion: """
            On a terminal the table is drawn anew until it is interrupted; elsewhere it is printed once. CPU: 100 % is one processor. JSON is a \
            line for each look.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Look once.")
    var noStream = false

    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
    var interval: Int = 1

    @Option(help: "table or json.")
    var format: ListFormat = .table

    @Argument(
        help: ArgumentHelp("POD, POD/CONTAINER or an id; without any, all that run.", valueName: "name"), completion: Completion.daemon)
    var names: [String] = []

    func validate() throws { if interval < 1 { throw ValidationError("--interval must be at least 1") } }

    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32 {
        let isLive = !noStream && (format == .json || RawTerminal.isTerminal(1))
        var screen = LiveTable()
        var before: [String: Usage] = [:]
        // Without an earlier look there is no rate.
        for entry in try await look(client) { before[entry.id] = entry }
        try await Task.sleep(for: isLive ? .seconds(interval) : .milliseconds(250))
        while true {
            let now = try await look(client)
            if format == .json {
                say(JSON.array(now.map { $0.json(since: before[$0.id]) }).text())
            } else {
                var table = Table(["CONTAINER ID", "NAME", "CPU %", "MEMORY", "WRITTEN"])
                for entry in now { table.add(entry.row(since: before[entry.id])) }
                if isLive { screen.show(table.lines) } else { for line in table.lines { say(line) } }
            }
            guard isLive else { return 0 }
            before = Dictionary(now.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            try await Task.sleep(for: .seconds(interval))
        }
    }

    private func look(_ client: DaemonClient) async throws -> [Usage] {
        let inventory = try await client.inventory()
        var wanted: Set<String>?
        if !names.isEmpty {
            wanted = []
            for name in names {
                switch try inventory.find(name) {
                case .container(let container): wanted?.insert(container.id)
                case .pod(let pod): wanted?.formUnion(inventory.containers.filter { $0.podSandboxID == pod.id }.map(\.id))
                }
            }
        }
        let answer = try await client.call(
            "ListContainerStats", Runtime_V1_ListContainerStatsRequest(), as: Runtime_V1_ListContainerStatsResponse.self)
        return answer.stats.filter { wanted?.contains($0.attributes.id) ?? true }.map { stats in
            let container = inventory.containers.first { $0.id == stats.attributes.id }
            return Usage(stats, name: container.map { inventory.name(of: $0) } ?? stats.attributes.metadata.name)
        }
    }
}

/// One look at one container.
package struct Usage: Equatable, Sendable {
    package var id: String
    package var name: String
    /// Nanoseconds since 1970, and nanoseconds on a CPU.
    package var time: Int64
    package var cpu: UInt64
    package var memory: UInt64
    package var written: UInt64

    init(_ stats: Runtime_V1_ContainerStats, name: String) {
        (id, self.name) = (stats.attributes.id, name)
        (time, cpu) = (stats.cpu.timestamp, stats.cpu.usageCoreNanoSeconds.value)
        memory = stats.memory.hasWorkingSetBytes ? stats.memory.workingSetBytes.value : stats.memory.usageBytes.value
        written = stats.writableLayer.usedBytes.value
    }

    /// Per cent of one processor; nil without an earlier look.
    package func percent(since before: Usage?) -> Double? {
        guard let before, time > before.time, cpu >= before.cpu else { return nil }
        return Double(cpu - before.cpu) / Double(time - before.time) * 100
    }

    func row(since before: Usage?) -> [String] {
        let percent = percent(since: before).map { "\(($0 * 10).rounded() / 10)" } ?? "-"
        return [
            ContainerID.short(id), name, percent, ByteSize(bytes: Int64(clamping: memory)).text,
            ByteSize(bytes: Int64(clamping: written)).text,
        ]
    }

    func json(since before: Usage?) -> JSON {
        [
            "id": .string(id), "name": .string(name), "cpuPercent": percent(since: before).map { .number($0) } ?? .null,
            "cpuNanoseconds": .unsigned(cpu), "memoryBytes": .unsigned(memory), "writtenBytes": .unsigned(written),
            "time": .string(Timestamp(nanoseconds: time).rfc3339),
        ]
    }
}

/// Lines that are drawn over their former selves (ECMA-48: CUU, ED).
struct LiveTable {
    private var shown = 0

    mutating func show(_ lines: [String]) {
        let room = TerminalSize.of(1).map { max(2, Int($0.rows) - 1) } ?? lines.count
        let cut = lines.prefix(room)
        let back = shown == 0 ? "" : "\u{1b}[\(shown)A\r\u{1b}[J"
        _ = StandardStream.output.write(Array((back + cut.joined(separator: "\n") + "\n").utf8))
        shown = cut.count
    }
}
