import Cgroups
import Glibc
import LinuxSys
import OCI

/// `ps`: the processes of a container's cgroup.
struct ProcessesCommand {
    private let call: Invocation
    private let record: ContainerRecord

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        guard let id = call.given.rest.first else { throw .usage("ps: the container's id expected") }
        record = try call.store.load(id, for: "ps")
    }

    func run() throws(CommandError) -> Int32 {
        let pids = try cgroup { () throws(CgroupError) in try record.group.processes() }.sorted()
        switch call.given.value("format") ?? "table" {
        case "json": write(JSON.array(pids.map { .integer(Int64($0)) }).text() + "\n", to: 1)
        case "table": write(try table(pids), to: 1)
        case let other: throw .usage("ps: invalid format option \(other)")
        }
        return 0
    }

    /// ps(1) knows the host's processes; the lines of the container's are kept.
    private func table(_ pids: [Int32]) throws(CommandError) -> String {
        let options = call.given.rest.count > 1 ? Array(call.given.rest.dropFirst()) : ["-ef"]
        let program = try Files.program("ps")
        let output = try kernel { () throws(SysError) in
            try runProgram(program, options, environment: currentEnvironment(), directory: nil, deadline: 30_000_000_000, limit: 64 << 20)
        }
        guard output.status == .code(0) else {
            let said = String(decoding: output.stderr, as: UTF8.self).split(whereSeparator: \.isNewline).joined(separator: "; ")
            throw .state(operation: "run", id: program, reason: said.isEmpty ? "status \(output.status.number)" : said)
        }
        let lines = String(decoding: output.stdout, as: UTF8.self).split(separator: "\n")
        guard let head = lines.first, let column = head.split(separator: " ").firstIndex(of: "PID") else {
            throw .state(operation: "run", id: program, reason: "its output has no column PID")
        }
        let wanted = Set(pids.map { Substring("\($0)") })
        let kept = lines.dropFirst().filter { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            return fields.indices.contains(column) && wanted.contains(fields[column])
        }
        return ([head] + kept).joined(separator: "\n") + "\n"
    }
}
