import EventLoop
import Foundation
import LinuxSys
import Testing

@testable import Shim

@Suite("work that may block")
struct ForkedWorkTests {
    /// Writes the pid of who does the work into a file of `directory`, and says what became of it.
    private func worker(in directory: String) throws -> (pid: Int32?, result: Int32?) {
        let path = "\(directory)/who"
        let loop = try EventLoop()
        var result: Int32??
        ForkedWork.files(in: directory, on: loop, deadline: 10_000_000_000) { () throws(SysError) -> Int32 in
            try replaceFile(at: path, with: Array("\(currentPID())".utf8))
            return 3
        } done: {
            result = .some($0)
        }
        #expect(result == nil, "called back before its caller was done")
        while result == nil { try loop.turn(waitAtMost: 100_000_000) }
        return (Int32((try? String(contentsOfFile: path, encoding: .utf8)) ?? ""), result ?? nil)
    }

    private static func isOnDisk(_ path: String) -> Bool { (try? FD.open(path, O_RDONLY).fileSystem())?.isInMemory == false }

    private func withDirectory(below parent: String, _ body: (String) throws -> Void) throws {
        let directory = "\(parent)/swl-forked-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test("files in memory are written without a child") func inMemory() throws {
        try withDirectory(below: "/dev/shm") {
            let (pid, result) = try worker(in: $0)
            #expect(pid == getpid())
            #expect(result == 3)
        }
    }

    @Test("where a write may wait for a disk a child does it", .enabled(if: isOnDisk("/var/tmp"), "/var/tmp is in memory"))
    func onDisk() throws {
        try withDirectory(below: "/var/tmp") {
            let (pid, result) = try worker(in: $0)
            #expect(pid != nil && pid != getpid())
            #expect(result == 3)
        }
    }

    @Test("what cannot be done is told, in memory too") func failure() throws {
        try withDirectory(below: "/dev/shm") {
            try FileManager.default.createDirectory(atPath: "\($0)/who", withIntermediateDirectories: false)
            #expect(try worker(in: $0).result == nil)
        }
    }
}
