import ArgumentParser
import Glibc
import LinuxSys
import Messages
import TTRPC

/// State calls, one at a time on each connection.
struct StateLoad: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "state", abstract: "State calls as fast as they are answered.")

    @OptionGroup var target: Target
    @Option(help: "Calls in all.") var calls = 20_000
    @Option(help: "Connections, each with one call at a time.") var connections = 1

    func run() throws {
        var message = Containerd_Task_V2_StateRequest()
        message.id = target.id
        let request = try Prepared("State", message)
        let peers = try (0..<connections).map { _ in try Peer(path: target.socket) }
        try load(peers, request, calls: calls / 10) { _ in }  // warms up
        var latencies = Latencies(room: calls)
        let before = try ProcessorTime(of: target.shim)
        let start = monotonicNanoseconds()
        try load(peers, request, calls: calls) { latencies.add($0) }
        let time = monotonicNanoseconds() - start
        let processor = try ProcessorTime(of: target.shim) - before
        report([
            "rate": decimal(Double(calls) / (Double(time) / 1e9), places: 0), "p50_us": latencies.percentile(0.5),
            "p99_us": latencies.percentile(0.99), "cpu_us_per_call": decimal(processor.own * 1000 / Double(calls), places: 2),
        ])
    }

    private func load(_ peers: [Peer], _ request: Prepared, calls: Int, _ took: (UInt64) -> Void) throws {
        let epoll = try Epoll.create()
        var found = Epoll.Found()
        var begun: [UInt64] = []
        var left = calls
        for (index, peer) in peers.enumerated() {
            try Epoll.add(epoll, peer.socket.raw, events: 1 /* EPOLLIN */, data: UInt64(index))
            begun.append(monotonicNanoseconds())
            _ = try peer.send(request)
            left -= 1
        }
        var open = peers.count
        while open > 0 {
            // With one connection reading waits just as well.
            if peers.count > 1 { try Epoll.wait(epoll, into: &found, milliseconds: -1) }
            for place in 0..<(peers.count == 1 ? 1 : found.count) {
                let index = peers.count == 1 ? 0 : Int(found[place].data)
                try peers[index].receiveSuccess("State")
                let now = monotonicNanoseconds()
                took(now - begun[index])
                if left > 0 {
                    begun[index] = now
                    _ = try peers[index].send(request)
                    left -= 1
                } else {
                    open -= 1
                }
            }
        }
    }
}
