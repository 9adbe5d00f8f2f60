import ArgumentParser
import Glibc
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC

/// Processes executed in a container: Exec, Wait and Start, the exit, Delete, as containerd's client does it.
struct ExecLoad: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "exec", abstract: "Executes a program again and again.")

    @OptionGroup var target: Target
    @Option(help: "How often.") var count = 1000
    @Option(help: "How many at one time.") var lanes = 1
    @Option(help: "Program in the container.") var program = "/bin/true"
    @Option(help: "A file that tells the memory of the container's cgroup; with it what the shim holds is followed too.") var memory = ""

    /// One exec after the other.
    private struct Lane {
        var name = ""
        var begun: UInt64 = 0
        var isStarted = false, hasExited = false
    }
    private enum Step { case exec, wait, start, delete }

    func run() throws {
        let peer = try Peer(path: target.socket)
        var watch = try Endurance(memory, shim: target.shim, count: count)
        try execute(peer, count: min(20, count), prefix: "warm") { _ in }
        var latencies = Latencies(room: count)
        let before = try ProcessorTime(of: target.shim)
        let start = monotonicNanoseconds()
        try execute(peer, count: count, prefix: "load") {
            latencies.add($0)
            try watch?.step()
        }
        let time = monotonicNanoseconds() - start
        let processor = try ProcessorTime(of: target.shim) - before
        report([
            "rate": decimal(Double(count) / (Double(time) / 1e9), places: 1), "p50_us": latencies.percentile(0.5),
            "p99_us": latencies.percentile(0.99),
            "cpu_us_per_exec": decimal((processor.own + processor.children) * 1000 / Double(count), places: 0),
            "shim_us": decimal(processor.own * 1000 / Double(count), places: 0),
            "children_us": decimal(processor.children * 1000 / Double(count), places: 0),
        ])
        watch?.tell()
    }

    private func execute(_ peer: Peer, count: Int, prefix: String, _ took: (UInt64) throws -> Void) throws {
        var steps: [UInt32: (lane: Int, Step)] = [:]
        var lanes = [Lane](repeating: Lane(), count: min(lanes, count))
        var begun = 0
        func begin(_ lane: Int) throws {
            begun += 1
            lanes[lane] = Lane(name: "\(prefix)\(begun)", begun: monotonicNanoseconds())
            var request = Containerd_Task_V2_ExecProcessRequest()
            request.id = target.id
            request.execID = lanes[lane].name
            request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
            request.spec.value.append(contentsOf: process(program).utf8)
            steps[try peer.send(Prepared("Exec", request))] = (lane, .exec)
        }
        for lane in lanes.indices { try begin(lane) }
        var open = lanes.count
        while open > 0 {
            let frame = try peer.receive()
            guard let (lane, step) = steps.removeValue(forKey: frame.stream) else { throw LoadFailure("an answer to no call") }
            try frame.requireSuccess("\(step) of \(lanes[lane].name)")
            switch step {
            case .exec:
                let process = try ofProcess(lanes[lane].name)
                steps[try peer.send(Prepared("Wait", process))] = (lane, .wait)
                steps[try peer.send(Prepared("Start", process))] = (lane, .start)
            case .start: lanes[lane].isStarted = true
            case .wait:
                let status = try frame.answer(Containerd_Task_V2_WaitResponse.self).exitStatus
                guard status == 0 else { throw LoadFailure("\(lanes[lane].name): ended with \(status)") }
                lanes[lane].hasExited = true
            case .delete:
                try took(monotonicNanoseconds() - lanes[lane].begun)
                if begun < count { try begin(lane) } else { open -= 1 }
            }
            if step == .start || step == .wait, lanes[lane].isStarted, lanes[lane].hasExited {
                steps[try peer.send(Prepared("Delete", ofProcess(lanes[lane].name)))] = (lane, .delete)
            }
        }
    }

    /// Wait, Start and Delete requests are the same on the wire: an id and an exec id.
    private func ofProcess(_ name: String) throws -> Containerd_Task_V2_StateRequest {
        var request = Containerd_Task_V2_StateRequest()
        request.id = target.id
        request.execID = name
        return request
    }
}

/// `process` of the runtime specification.
func process(_ words: String...) -> String {
    let list = words.map { "\"\($0)\"" }.joined(separator: ",")
    return #"{"user":{"uid":0,"gid":0},"args":[\#(list)],"env":["PATH=/bin"],"cwd":"/"}"#
}
