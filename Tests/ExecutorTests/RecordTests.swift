import Cgroups
import Executor
import LinuxSys
import Testing

@Suite("records between executor and supervisor")
struct RecordTests {
    static let all: [ExecutorRecord] = [
        .started(pid: 1), .started(pid: .max), .console, .ready, .done, .start, .warning("ü \n"), .warning(""),
        .cgroup(CgroupPaths()),
        .cgroup(CgroupPaths([.init(controller: "", path: "/a"), .init(controller: "memory", path: "/b c")])),
        .failed(ExecutorFailure(SysError(13, "mount proc", on: "/proc"))),
        .failed(ExecutorFailure(operation: "config.json", subject: "root.path", reason: "is missing")),
    ]

    @Test("each comes back as it was", arguments: all)
    func roundTrip(_ record: ExecutorRecord) { #expect(ExecutorRecord(record.encoded) == record) }

    @Test("no shortened or lengthened record is taken for another one", arguments: all)
    func damaged(_ record: ExecutorRecord) {
        let bytes = record.encoded
        for count in 0..<bytes.count { #expect(ExecutorRecord(Array(bytes[..<count])) != record) }
        #expect(ExecutorRecord(bytes + [0]) == nil)
    }

    @Test("its bytes are those of the wire format") func bytes() {
        #expect(ExecutorRecord.started(pid: 0x0102_0304).encoded == [1, 4, 3, 2, 1])
        #expect(ExecutorRecord.warning("ab").encoded == [6, 2, 0, 0x61, 0x62])
        #expect(ExecutorRecord([99]) == nil)
    }

    @Test("a failure is one line: operation, subject, reason") func line() {
        #expect(ExecutorFailure(SysError(13, "mount proc", on: "/proc")).description == "mount proc /proc: permission denied (EACCES)")
    }
}
