import Foundation
import LinuxSys
import Testing

@testable import Executor
@testable import OCI

/// Compiled filters that are kept: what is taken, and what never is.
@Suite("the cache of seccomp programs") final class SeccompCacheTests {
    private let directory = NSTemporaryDirectory() + "swiftlet-seccomp-\(UUID().uuidString)"
    private let spec = SeccompSpec(
        defaultAction: .allow, architectures: [], flags: [],
        rules: [.init(names: ["mkdirat"], action: .errno, errnoRet: 13, args: [])])
    private var compiled = 0

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func program(_ spec: SeccompSpec, compiler: [UInt8] = [1], giving bytes: [UInt8]) throws(SeccompError) -> [UInt8] {
        try SeccompCache(directory: directory, compiler: compiler).program(spec) { () throws(SeccompError) in
            compiled += 1
            return bytes
        }
    }

    private var entries: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }
    private static let first = [UInt8](repeating: 1, count: 8), second = [UInt8](repeating: 2, count: 16)

    @Test("a profile is compiled once by one build of the program") func once() throws {
        #expect(try program(spec, giving: Self.first) == Self.first)
        #expect(try program(spec, giving: Self.second) == Self.first && compiled == 1)
        #expect(try program(spec, compiler: [2], giving: Self.second) == Self.second && compiled == 2)
    }

    @Test("whatever differs in a profile makes another entry") func differences() throws {
        var others = [spec, spec, spec, spec, spec, spec, spec]
        others[0].defaultAction = .log
        others[1].defaultErrnoRet = 0
        others[2].architectures = [.x86]
        others[3].rules[0].names = ["mkdir", "at"]
        others[4].rules[0].errnoRet = nil
        others[5].rules[0].args = [.init(index: 0, comparison: .equal, value: 0, valueTwo: 0)]
        others[6].rules.append(others[6].rules[0])
        let keys = ([spec] + others).map { SeccompKey($0, compiler: []).bytes }
        #expect(Set(keys).count == keys.count)
        // What does not reach the program does not matter.
        var same = spec
        same.flags = [.log]
        #expect(SeccompKey(same, compiler: []) == SeccompKey(spec, compiler: []))
    }

    @Test("an entry of another profile under this one's name is not taken") func collision() throws {
        var other = spec
        other.defaultAction = .log
        _ = try program(other, giving: Self.first)
        let name = SeccompKey(spec, compiler: [1]).name.description
        try FileManager.default.moveItem(atPath: "\(directory)/\(try #require(entries.first))", toPath: "\(directory)/\(name)")
        #expect(try program(spec, giving: Self.second) == Self.second)
        #expect(try program(spec, giving: Self.first) == Self.second)
    }

    @Test("what was cut, what others could have written and what is no file is compiled anew") func distrust() throws {
        _ = try program(spec, giving: Self.first)
        let path = "\(directory)/\(try #require(entries.first))"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for cut in [0, 5, whole.count - 8, whole.count - 1] {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: path))
            _ = unsafe chmod(path, 0o600)
            #expect(try program(spec, giving: Self.second) == Self.second, "\(cut) bytes")
        }
        _ = unsafe chmod(path, 0o620)
        #expect(try program(spec, giving: Self.first) == Self.first)
        _ = unsafe chown(path, 7, 7)
        #expect(try program(spec, giving: Self.second) == Self.second)
        try FileManager.default.removeItem(atPath: path)
        _ = unsafe symlink("/etc/passwd", path)
        #expect(try program(spec, giving: Self.first) == Self.first)
        _ = unsafe chmod(directory, 0o777)
        #expect(try program(spec, giving: Self.second) == Self.second && program(spec, giving: Self.first) == Self.first)
    }

    @Test("there are never more than its bound, and none is in the way of one that is used") func bound() throws {
        for number in 0..<UInt32(2 * SeccompCache.most + 3) {
            var other = spec
            other.rules[0].errnoRet = number
            _ = try program(other, giving: Self.first)
            #expect(try program(other, giving: Self.second) == Self.first)
        }
        #expect(entries.count <= SeccompCache.most && compiled == 2 * SeccompCache.most + 3)
    }

    @Test("a filter that comes from here is the one that libseccomp makes") func same() throws {
        let cache = SeccompCache(directory: directory, compiler: [])
        let fresh = try SeccompFilter(spec, nil)
        #expect(try SeccompFilter(spec, cache) == fresh && SeccompFilter(spec, cache) == fresh && entries.count == 1)
        let unwritable = SeccompCache(directory: "/proc/1/none", compiler: [])
        #expect(try SeccompFilter(spec, unwritable) == fresh)
    }
}
