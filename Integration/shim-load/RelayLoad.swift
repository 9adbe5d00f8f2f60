import ArgumentParser
import Glibc
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC

/// A program's stdout through the shim into a FIFO, from which it is moved to /dev/null without a copy.
struct RelayLoad: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "relay", abstract: "Output of a program through the shim.")

    @OptionGroup var target: Target
    @Option(help: "Megabytes (2^20 bytes).") var megabytes = 4096
    @Option(help: "A file in the container, as large as a megabyte or more, that is written again and again.") var file = "/data"
    @Option(help: "Where the FIFO is made.") var fifo: String

    func run() throws {
        guard unsafe mkfifo(fifo, 0o600) == 0 else { throw SysError(errno, "mkfifo", on: fifo) }
        defer { unsafe unlink(fifo) }
        // runc's shim wants both or none.
        let other = "\(fifo).stderr"
        guard unsafe mkfifo(other, 0o600) == 0 else { throw SysError(errno, "mkfifo", on: other) }
        defer { unsafe unlink(other) }
        let errors = try FD.open(other, O_RDONLY | O_NONBLOCK)
        defer { withExtendedLifetime(errors) {} }
        let reader = try FD.open(fifo, O_RDONLY | O_NONBLOCK)
        let null = try FD.open("/dev/null", O_WRONLY)
        try reader.setNonBlocking(false)
        let peer = try Peer(path: target.socket)
        try start(peer)
        let total = megabytes << 20
        var (done, begun) = (0, UInt64(0))
        var before: ProcessorTime?
        while done < total {
            guard try reader.waitReadable(milliseconds: 60_000) else { throw LoadFailure("\(done) of \(total) bytes came") }
            if before == nil {
                before = try ProcessorTime(of: target.shim)
                begun = monotonicNanoseconds()
            }
            guard case .bytes(let count) = try reader.splice(to: null, count: 1 << 20) else { continue }
            done += count
        }
        let time = Double(monotonicNanoseconds() - begun)
        let processor = try ProcessorTime(of: target.shim) - (before ?? ProcessorTime(of: target.shim))
        try finish(peer)
        report([
            "gb_per_s": decimal(Double(total) / time, places: 2),
            "cpu_ms_per_gb": decimal(processor.own / (Double(total) / 1e9), places: 1),
            "bytes": "\(done)",
        ])
    }

    private var name: String { "relay" }

    private func start(_ peer: Peer) throws {
        var request = Containerd_Task_V2_ExecProcessRequest()
        request.id = target.id
        request.execID = name
        request.stdout = fifo
        request.stderr = "\(fifo).stderr"
        request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
        // busybox' cat uses sendfile(2): pages of the file go into the pipe as they are.
        let script = "i=0; while [ $i -lt \(megabytes) ]; do echo \(file); i=$((i+1)); done | xargs cat"
        request.spec.value.append(contentsOf: process("/bin/sh", "-c", script).utf8)
        _ = try peer.send(Prepared("Exec", request))
        try peer.receive().requireSuccess("Exec")
        _ = try peer.send(Prepared("Start", ofProcess))
        try peer.receive().requireSuccess("Start")
    }

    private func finish(_ peer: Peer) throws {
        _ = try peer.send(Prepared("Wait", ofProcess))
        try peer.receive().requireSuccess("Wait")
        _ = try peer.send(Prepared("Delete", ofProcess))
        try peer.receive().requireSuccess("Delete")
    }

    private var ofProcess: Containerd_Task_V2_StateRequest {
        var request = Containerd_Task_V2_StateRequest()
        request.id = target.id
        request.execID = name
        return request
    }
}
