import CRILog
import EventLoop
import Glibc
import LinuxSys
import Testing

@testable import Shim

@Suite("relay machine") struct RelayMachineTests {
    @Test("a short write keeps the rest and waits for room")
    func shortWrite() {
        var machine = RelayMachine()
        machine.received(.bytes(4), Array("abcdefgh".utf8))
        #expect(machine.want == .write)
        machine.sent(.bytes(1))
        #expect(machine.want == .write)
        #expect(machine.pending[machine.written...].elementsEqual("bcd".utf8))
        machine.sent(.wouldBlock)
        #expect(machine.pending[machine.written...].elementsEqual("bcd".utf8))
        machine.sent(.bytes(3))
        #expect(machine.want == .read)
    }

    @Test("EAGAIN on a read changes nothing")
    func wouldBlock() {
        var machine = RelayMachine()
        machine.received(.wouldBlock, [])
        #expect(machine.want == .read)
    }

    @Test("the end of the source comes after what was read is written")
    func endAfterPending() {
        var machine = RelayMachine()
        machine.received(.bytes(2), [1, 2])
        machine.sourceFailed()
        #expect(!machine.isFinished)
        machine.sent(.bytes(2))
        #expect(machine.isFinished)
    }

    @Test("a full sink is waited for, and nothing is read meanwhile")
    func sinkFull() {
        var machine = RelayMachine()
        machine.foundSinkFull()
        #expect(machine.want == .write)
        machine.sinkReady()
        #expect(machine.want == .read)
    }

    @Test("a sink that is gone does not stop the source from being drained")
    func sinkGone() {
        var machine = RelayMachine()
        machine.received(.bytes(2), [1, 2])
        machine.sinkFailed()
        #expect(machine.want == .read)
        machine.received(.bytes(2), [3, 4])
        #expect(machine.want == .read)
        machine.received(.ended, [])
        #expect(machine.isFinished)
    }
}

@Suite("relays between pipes") struct RelayTests {
    private static func pipe() throws -> (FDBox, FDBox) {
        let (reader, writer) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
        try reader.fd.setNonBlocking(true)
        try writer.fd.setNonBlocking(true)
        return (reader, writer)
    }

    @Test("a megabyte through a reader that is slow arrives whole, and then ends")
    func everyByte() throws {
        let loop = try EventLoop()
        var (source, producing): (FDBox, FDBox?) = try Self.pipe()
        var (consumer, sink): (FDBox, FDBox?) = try Self.pipe()
        var ended = false
        let relay = try Relay(loop: loop, from: source, to: .descriptor(try #require(sink)), endsWithSink: false) { ended = true }
        sink = nil
        let data = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sent = 0
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1000)
        var eof = false
        while !eof {
            if let out = producing {
                if case .bytes(let count) = try out.fd.write(data, from: sent) { sent += count }
                if sent == data.count { producing = nil }
            }
            try loop.turn(waitAtMost: 0)
            switch try consumer.fd.read(into: &buffer) {
            case .bytes(let count): received += buffer[..<count]
            case .ended: eof = true
            case .wouldBlock: break
            }
        }
        #expect(received == data)
        #expect(ended && relay.isFinished)
        source = consumer
        consumer = source
    }

    @Test("a source that has hung up while the sink is full does not wake the loop")
    func hangUpWithoutSpin() throws {
        let loop = try EventLoop()
        var (source, producing): (FDBox, FDBox?) = try Self.pipe()
        let (consumer, sink) = try Self.pipe()
        // Fill the sink, then the relay's own buffer; then the producer goes.
        let block = [UInt8](repeating: 1, count: 65_536)
        while case .bytes = try sink.fd.write(block) {}
        _ = try producing?.fd.write([UInt8](repeating: 2, count: 100))
        let relay = try Relay(loop: loop, from: source, to: .descriptor(sink), endsWithSink: false) {}
        try loop.turn(waitAtMost: 1_000_000_000)
        producing = nil
        let start = monotonicNanoseconds()
        try loop.turn(waitAtMost: 30_000_000)
        #expect(monotonicNanoseconds() - start >= 25_000_000, "it woke for a hang-up that nobody waits for")
        #expect(!relay.isFinished)
        source = consumer
    }

    @Test("stdin ends when its process does not read any more")
    func closedStdin() throws {
        try ignoreSignal(SIGPIPE)
        let loop = try EventLoop()
        let (source, producer) = try Self.pipe()
        var (consumer, sink): (FDBox?, FDBox) = try Self.pipe()
        var ended = false
        let relay = try Relay(loop: loop, from: source, to: .descriptor(sink), endsWithSink: true) { ended = true }
        consumer = nil
        _ = try producer.fd.write([1, 2, 3])
        try loop.turn(waitAtMost: 1_000_000_000)
        #expect(ended && relay.isFinished)
        #expect(consumer == nil)
    }

    @Test("a log is a regular file, never a device or a FIFO")
    func logIsAFile() {
        #expect(throws: SysError.self) { try LogFile("/dev/full", .raw) { Issue.record("\($0)") }.open() }
    }

    @Test("a full disk costs output, is reported once, and leaves no torn entry", .enabled(if: getuid() == 0, "mounts a small tmpfs"))
    func fullDisk() throws {
        let disk = "/tmp/swiftlet-full-\(getpid())"
        _ = unsafe mkdir(disk, 0o700)
        try mountPath("tmpfs", on: disk, type: "tmpfs", flags: 0, data: "size=8192")
        defer {
            try? detachMount(disk)
            _ = unsafe rmdir(disk)
        }
        let path = "\(disk)/log"
        var reports: [String] = []
        let file = LogFile(path, .raw) { reports.append($0) }
        let block = [UInt8](repeating: 0x61, count: 6000)
        file.write(block, 0..<6000, from: .stdout)
        for _ in 0..<3 { file.write(block, 0..<6000, from: .stdout) }
        file.write([0x21], 0..<1, from: .stdout)
        #expect(try FD.open(path, O_RDONLY).readAll(limit: 20_000) == block + [0x21])
        #expect(reports.count == 2, "once that it is lost, once that it is written again: \(reports)")
    }

    @Test("after a rotation the log goes on in the new file")
    func rotation() throws {
        let path = "/tmp/swiftlet-rotate-\(getpid()).log"
        defer { for name in [path, path + ".1"] { _ = unsafe unlink(name) } }
        let file = LogFile(path, .raw) { Issue.record("\($0)") }
        file.write([0x31], 0..<1, from: .stdout)
        _ = unsafe rename(path, path + ".1")
        file.write([0x32], 0..<1, from: .stdout)
        #expect(file.reopen() == nil)
        file.write([0x33], 0..<1, from: .stdout)
        #expect(try FD.open(path + ".1", O_RDONLY).readAll(limit: 9) == [0x31, 0x32])
        #expect(try FD.open(path, O_RDONLY).readAll(limit: 9) == [0x33])
    }
}
