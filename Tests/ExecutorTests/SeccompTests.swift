import Glibc
import LinuxSys
import OCI
import Testing

@testable import Executor

@Suite("seccomp") struct SeccompTests {
    #if arch(x86_64)
        private static let native: UInt32 = 0xc000_003e
        private static let (read, mkdirat, personality): (Int32, Int32, Int32) = (0, 258, 135)
    #else
        private static let native: UInt32 = 0xc000_00b7
        private static let (read, mkdirat, personality): (Int32, Int32, Int32) = (63, 34, 92)
    #endif

    /// Runs the filter as the kernel does (seccomp(2), `struct seccomp_data`), for the instructions that libseccomp writes. Nil for an unknown one.
    private func answer(_ program: [UInt8], call: Int32, _ arguments: [UInt64] = [], architecture: UInt32 = native) -> UInt32? {
        var data = [UInt32(bitPattern: call), architecture, 0, 0]
        for argument in arguments + Array(repeating: 0, count: 6 - arguments.count) {
            data += [UInt32(truncatingIfNeeded: argument), UInt32(truncatingIfNeeded: argument >> 32)]
        }
        func byte(_ at: Int) -> UInt32 { UInt32(program[at]) }
        var accumulator: UInt32 = 0
        var at = 0
        while at * 8 + 8 <= program.count {
            let code = byte(at * 8) | byte(at * 8 + 1) << 8
            let value = byte(at * 8 + 4) | byte(at * 8 + 5) << 8 | byte(at * 8 + 6) << 16 | byte(at * 8 + 7) << 24
            let (yes, no) = (Int(byte(at * 8 + 2)), Int(byte(at * 8 + 3)))
            at += 1
            switch code {
            case 0x20: accumulator = data[Int(value) / 4]
            case 0x54: accumulator &= value
            case 0x05: at += Int(value)
            case 0x15: at += accumulator == value ? yes : no
            case 0x25: at += accumulator > value ? yes : no
            case 0x35: at += accumulator >= value ? yes : no
            case 0x45: at += accumulator & value != 0 ? yes : no
            case 0x06: return value
            default: return nil
            }
        }
        return nil
    }

    private func spec(_ json: JSON) throws -> SeccompSpec {
        let document: JSON = [
            "ociVersion": "1.0.0", "root": ["path": "r"], "linux": ["seccomp": json],
        ]
        return try #require(RuntimeSpec(json: document.encoded()).linux.seccomp)
    }

    @Test("every action has the number that the kernel knows")
    func actions() throws {
        let wanted: [(JSON, UInt32)] = [
            ("SCMP_ACT_KILL", 0), ("SCMP_ACT_KILL_THREAD", 0), ("SCMP_ACT_KILL_PROCESS", 0x8000_0000), ("SCMP_ACT_TRAP", 0x0003_0000),
            ("SCMP_ACT_ERRNO", 0x0005_0001), ("SCMP_ACT_TRACE", 0x7ff0_0001), ("SCMP_ACT_LOG", 0x7ffc_0000),
        ]
        for (action, number) in wanted {
            let filter = try SeccompFilter(
                spec(["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["mkdir", "mkdirat"], "action": action]]]))
            #expect(answer(filter.program, call: Self.mkdirat) == number)
            #expect(answer(filter.program, call: Self.read) == 0x7fff_0000)
        }
        let closed = try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38]))
        #expect(answer(closed.program, call: Self.read) == 0x0005_0026)
    }

    @Test("arguments are compared, and two conditions on one argument are alternatives")
    func arguments() throws {
        func filter(_ arguments: JSON) throws -> [UInt8] {
            let rule: JSON = ["names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": arguments]
            return try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]])).program
        }
        func allowed(_ program: [UInt8], _ values: [UInt64]) -> Bool { answer(program, call: Self.personality, values) == 0x7fff_0000 }
        let masked = try filter([["index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 240, "valueTwo": 16]])
        #expect(allowed(masked, [0x1f]) && !allowed(masked, [0x2f]))
        let both = try filter([["index": 0, "op": "SCMP_CMP_GE", "value": 5], ["index": 1, "op": "SCMP_CMP_NE", "value": 7]])
        #expect(allowed(both, [5, 0]) && !allowed(both, [5, 7]) && !allowed(both, [4, 0]))
        let either = try filter([
            ["index": 0, "op": "SCMP_CMP_EQ", "value": 1], ["index": 0, "op": "SCMP_CMP_EQ", "value": 4_294_967_298],
        ])
        #expect(allowed(either, [1]) && allowed(either, [4_294_967_298]) && !allowed(either, [2]))
    }

    @Test("another architecture's calls are killed unless it is listed")
    func architectures() throws {
        let foreign: UInt32 = 0x4000_0003  // i386
        let alone = try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ALLOW"]))
        #expect(answer(alone.program, call: 3, architecture: foreign) == 0)
        let listed = try SeccompFilter(
            spec(["defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64"]]))
        #expect(answer(listed.program, call: 3, architecture: foreign) == 0x7fff_0000)
    }

    @Test("each architecture's calls are judged by its own numbers, and what a tracer is told is never taken for anything else")
    func numbers() throws {
        // read is 0 on x86_64, 3 on i386, 63 on arm64, 0x40000000 on x32; mkdirat is 258, 296, 34 and 0x40000102.
        let rules: JSON = [
            ["names": ["read"], "action": "SCMP_ACT_ALLOW"], ["names": ["mkdirat"], "action": "SCMP_ACT_TRACE", "errnoRet": 0],
            ["names": ["openat"], "action": "SCMP_ACT_TRACE", "errnoRet": 1],
        ]
        let architectures: JSON = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"]
        let filter = try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ERRNO", "architectures": architectures, "syscalls": rules]))
        let numbers: [(UInt32, Int32, Int32)] = [
            (0xc000_003e, 0, 258), (0x4000_0003, 3, 296), (0xc000_003e, 0x4000_0000, 0x4000_0102), (0xc000_00b7, 63, 34),
        ]
        for (architecture, read, mkdirat) in numbers {
            #expect(answer(filter.program, call: read, architecture: architecture) == 0x7fff_0000)
            #expect(answer(filter.program, call: mkdirat, architecture: architecture) == 0x7ff0_0000)
            #expect(answer(filter.program, call: mkdirat + 1000, architecture: architecture) == 0x0005_0001)
        }
        #expect(answer(filter.program, call: 0, architecture: 0x8000_0016) == 0)
    }

    @Test("names that are unknown here, and rules that say what holds anyway, change nothing")
    func unknown() throws {
        let rules: JSON = [["names": ["no_such_call", "read"], "action": "SCMP_ACT_ALLOW"]]
        let filter = try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules]))
        #expect(filter == (try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ALLOW"]))))
    }

    @Test("flags become the kernel's bits")
    func flags() throws {
        let flags: JSON = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
        #expect(try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ALLOW", "flags": flags])).flags == 7)
        let rules: JSON = [["names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"]]
        let waiting = try SeccompFilter(
            spec([
                "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
                "syscalls": rules, "listenerPath": "/run/agent",
            ]))
        #expect(waiting.flags == 32)
        #expect(answer(waiting.program, call: Self.mkdirat) == 0x7fc0_0000)
    }

    @Test("calls newer than libseccomp are unknown to the program instead of forbidden, on each architecture that is listed")
    func newCalls() throws {
        let architectures: JSON = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_ARM"]
        let rules: JSON = [["names": ["read"], "action": "SCMP_ACT_ALLOW"]]
        let filter = try SeccompFilter(
            spec(["defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": architectures, "syscalls": rules]))
        let (unknown, refused): (UInt32, UInt32) = (0x0005_0026, 0x0005_0001)
        for (architecture, base) in [(UInt32(0xc000_003e), Int32(0)), (0x4000_0008, 4000), (0x4000_0028, 0)] {
            #expect(answer(filter.program, call: base + 700, architecture: architecture) == unknown)
            #expect(answer(filter.program, call: base + 424, architecture: architecture) == refused)
            #expect(answer(filter.program, call: base + 1024, architecture: architecture) == refused)
        }
        #expect(answer(filter.program, call: 0x4000_0000 + 547, architecture: 0xc000_003e) == refused)
        #expect(answer(filter.program, call: 0x4000_0000 + 700, architecture: 0xc000_003e) == unknown)
        // Arm's own cacheflush.
        #expect(answer(filter.program, call: 0xf0002, architecture: 0x4000_0028) == refused)
        #expect(answer(filter.program, call: 700, architecture: 0x8000_0016) == 0)
        for open in ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_KILL_PROCESS"] {
            let other = try SeccompFilter(
                spec(["defaultAction": .string(open), "syscalls": [["names": ["read"], "action": "SCMP_ACT_TRAP"]]]))
            #expect(answer(other.program, call: 700) == answer(other.program, call: Self.mkdirat))
        }
    }

    @Test("an architecture that libseccomp does not know is refused by its field")
    func foreign() throws {
        let strange = try spec(["defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_M68K"]])
        let error = SeccompError.unsupported(field: "linux.seccomp.architectures[1]", reason: "libseccomp does not know SCMP_ARCH_M68K")
        #expect(throws: error) { try SeccompFilter(strange) }
    }

    @Test("a process with the filter gets the errno, or is killed", .enabled(if: getuid() == 0, "needs root"))
    func loaded() throws {
        for (action, wanted) in [("SCMP_ACT_ERRNO", LinuxSys.ExitStatus.code(18)), ("SCMP_ACT_KILL_PROCESS", .signal(SIGSYS))]
            as [(String, LinuxSys.ExitStatus)]
        {
            var rule: JSON = ["names": ["mkdir", "mkdirat"], "action": .string(action)]
            if action == "SCMP_ACT_ERRNO", case .object(var members) = rule {
                members["errnoRet"] = 18
                rule = .object(members)
            }
            let filter = try SeccompFilter(spec(["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]]))
            switch try cloneProcess() {
            case .child:
                // A clone of a process with threads: nothing but system calls from here on.
                guard (try? filter.load()) != nil else { exitNow(1) }
                _ = unsafe mkdir("/no/such/place", 0)
                exitNow(errno)
            case .parent(_, let pidfd): #expect(try pidfd.reap(blocking: true) == wanted)
            }
        }
    }
}
