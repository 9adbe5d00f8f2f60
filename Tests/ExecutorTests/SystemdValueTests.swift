import OCI
import Testing

@testable import Cgroups

@Suite("systemd units as values") struct SystemdValueTests {
    @Test("slice, prefix and name become a scope in its slice, and an absent path the usual ones")
    func units() throws {
        let asked = try SystemdUnit(cgroupsPath: "machine-a.slice:libpod:77", id: "x", scope: .system)
        #expect(asked.name == "libpod-77.scope" && asked.slice == "machine-a.slice")
        let usual = try SystemdUnit(cgroupsPath: nil, id: "c1", scope: .system)
        #expect(usual.name == "swiftlet-c1.scope" && usual.slice == "system.slice")
        #expect(try SystemdUnit(cgroupsPath: ":docker:9", id: "x", scope: .user).slice == "user.slice")
        #expect(
            try SystemdUnit.expand(slice: "a-b-c.slice") == "/a.slice/a-b.slice/a-b-c.slice" && SystemdUnit.expand(slice: "-.slice") == "/")
    }

    @Test(
        "a path that is no slice, prefix and name is an error of cgroupsPath",
        arguments: [
            "/a/b", "a:b", "a.slice:b:", "a.slice:b:c:d", "a:b:c", "a--b.slice:p:n", "-a.slice:p:n", ".slice:p:n", "../x.slice:p:n",
            "a.slice:p:n/../../x", "a.slice:p:n\nx", "a.slice:p:pod.slice", "a.slice:p:" + String(repeating: "n", count: 260),
        ])
    func badPaths(_ path: String) {
        let error = #expect(throws: CgroupError.self) { try SystemdUnit(cgroupsPath: path, id: "x", scope: .system) }
        guard case .unsupported(field: "linux.cgroupsPath", reason: _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    private func limits(_ json: JSON, unified: Bool, version: Int = 252) throws -> [String: DBusValue] {
        let found = try SystemdProperties(isUnified: unified, version: version).limits(ResourcesSpec(json: json.encoded()))
        #expect(Set(found.map(\.name)).count == found.count)
        return Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.value) })
    }

    private static let everything: JSON = [
        "memory": ["limit": 1000, "swap": 1500, "reservation": 500],
        "cpu": ["shares": 1024, "quota": 150_000, "period": 100_000, "cpus": "0-2,9", "mems": "0"], "pids": ["limit": 0],
        "blockIO": ["weight": 500],
    ]

    @Test("limits are properties of systemd in the terms of the version of cgroups")
    func limits() throws {
        let new = try limits(Self.everything, unified: true)
        #expect(
            new == [
                "MemoryMax": .uint64(1000), "MemorySwapMax": .uint64(500), "MemoryLow": .uint64(500), "CPUWeight": .uint64(100),
                "CPUQuotaPeriodUSec": .uint64(100_000), "CPUQuotaPerSecUSec": .uint64(1_500_000), "AllowedCPUs": .bytes([7, 2]),
                "AllowedMemoryNodes": .bytes([1]), "TasksMax": .uint64(1),
            ])
        let old = try limits(Self.everything, unified: false, version: 241)
        #expect(
            old == [
                "MemoryLimit": .uint64(1000), "CPUShares": .uint64(1024), "CPUQuotaPerSecUSec": .uint64(1_500_000), "TasksMax": .uint64(1),
                "BlockIOWeight": .uint64(500),
            ])
        let open = try limits(["memory": ["limit": -1], "cpu": ["quota": -1, "idle": 1], "pids": ["limit": -1]], unified: true)
        #expect(
            open == [
                "MemoryMax": .uint64(.max), "MemorySwapMax": .uint64(.max), "CPUWeight": .uint64(0), "CPUQuotaPerSecUSec": .uint64(.max),
                "TasksMax": .uint64(.max),
            ])
    }

    @Test("files of unified that systemd knows are properties too, and come before the limits of the same name")
    func unified() throws {
        let found = try limits(
            [
                "memory": ["limit": 1000],
                "unified": ["memory.max": "2000", "memory.high": "max", "cpu.max": "max 50000", "pids.max": "7", "io.max": "8:0 rbps=1"],
            ], unified: true)
        #expect(
            found == [
                "MemoryMax": .uint64(2000), "MemoryHigh": .uint64(.max), "CPUQuotaPeriodUSec": .uint64(50_000),
                "CPUQuotaPerSecUSec": .uint64(.max), "TasksMax": .uint64(7),
            ])
        #expect(throws: CgroupError.self) { try limits(["unified": ["memory.max": "many"]], unified: true) }
        #expect(throws: CgroupError.self) { try limits(["cpu": ["cpus": "3-1"]], unified: true) }
    }

    @Test("a device policy is a strict one with the devices' names, and none where systemd has no words for a rule")
    func devices() {
        let numbers = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n"
        func found(_ rules: [DeviceRule]) -> [DBusValue]? {
            guard case .array(_, let list)? = SystemdDevices.properties(rules, numbers: numbers).last?.value else { return nil }
            return list
        }
        func entry(_ name: String, _ access: String) -> DBusValue { .structure([.string(name), .string(access)]) }
        let usual = found([])
        #expect(usual?.contains(entry("/dev/char/1:3", "rwm")) == true && usual?.contains(entry("char-pts", "rwm")) == true)
        let disk = found([DeviceRule(allow: true, kind: .block, major: 8, minor: nil, access: "r")])
        #expect(disk?.contains(entry("block-sd", "r")) == true)
        #expect(found([DeviceRule(allow: true, kind: .block, major: 9, minor: nil, access: "r")]) == nil)
        #expect(found([DeviceRule(allow: true, kind: .block, major: nil, minor: 3, access: "r")]) == nil)
        #expect(found([DeviceRule(allow: true, kind: .all, major: nil, minor: nil, access: "rwm")]) == nil)
    }

    @Test("the first number of systemd's version is its version")
    func version() {
        #expect(SystemdManager.number("252.38-1~deb12u1") == 252 && SystemdManager.number("v254") == 254 && SystemdManager.number("") == 0)
    }
}

@Suite("annotations for systemd") struct SystemdAnnotationTests {
    @Test(
        "values are read as GVariant writes them",
        arguments: [
            ("true", .bool(true)), ("5", .int32(5)), ("0x10", .int32(16)), ("uint64 5", .uint64(5)), ("@t 5", .uint64(5)),
            ("byte 255", .byte(255)), ("1.5", .double(1.5)), ("'a b'", .string("a b")), ("\"it's\"", .string("it's")),
            ("'a\\'b'", .string("a'b")), ("['a', 'b']", .array(of: "s", [.string("a"), .string("b")])), ("@as []", .array(of: "s", [])),
            ("objectpath '/a'", .objectPath("/a")), (" @at [1, 2] ", .array(of: "t", [.uint64(1), .uint64(2)])),
        ] as [(String, DBusValue)])
    func values(_ text: String, _ value: DBusValue) throws { #expect(try VariantText.parse(text) == value) }

    @Test(
        "what is no value is refused",
        arguments: [
            "-0x", "byte 256", "uint32 -1", "'a", "'a'x", "'a\nb'", "'\\n'", "", "[]", "[1, 'a']", "[1,", "[1", "[[1]]", "99999999999",
            "@t uint32 5", "@a{sv} {}", "<5>", "uint64 'a'", "true false", "@", "nonsense",
        ])
    func refused(_ text: String) { #expect(throws: VariantText.Wrong.self) { try VariantText.parse(text) } }

    @Test("seconds become microseconds, and other annotations are nobody's business here")
    func seconds() throws {
        let found = try SystemdAnnotations.properties([
            "org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive-or-failed'", "other": "'",
        ])
        #expect(
            found == [
                SystemdProperty("CollectMode", .string("inactive-or-failed")), SystemdProperty("TimeoutStopUSec", .uint64(7_000_000)),
            ])
        #expect(try SystemdAnnotations.properties(["org.systemd.property.RuntimeMaxSec": "0.5"]).first?.value == .uint64(500_000))
    }

    @Test(
        "no annotation makes systemd act on other units or on the host (CVE-2024-3154)",
        arguments: [
            ("SuccessAction", "'poweroff-force'"), ("FailureAction", "'reboot'"), ("JobTimeoutAction", "'reboot'"),
            ("ExecStartPre", "'sh'"),
            ("Wants", "['poweroff.target']"), ("Conflicts", "['ssh.service']"), ("Slice", "'-.slice'"), ("PIDs", "[1]"),
            ("DevicePolicy", "'auto'"), ("BPFProgram", "'x'"), ("", "1"), ("Description\n", "'x'"), ("TimeoutStopSec", "'x'"),
            ("TimeoutStopSec", "-1"), ("TimeoutStopSec", "uint64 18446744073709551615"),
        ])
    func injection(_ name: String, _ value: String) {
        let error = #expect(throws: CgroupError.self) { try SystemdAnnotations.properties(["org.systemd.property.\(name)": value]) }
        guard case .unsupported(let field, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(field == "annotations.org.systemd.property.\(name)")
    }
}
