import Glibc
import LinuxSys
import OCI
import Testing

@testable import Executor

/// config-linux.md, "IntelRdt", rule by rule; the file system is a plain directory here.
@Suite("classes of service") struct ResctrlTests {
    private func plan(_ json: JSON) throws -> ResctrlPlan {
        let document: JSON = ["ociVersion": "1.3.0", "root": ["path": "r"], "linux": ["intelRdt": json]]
        return ResctrlPlan(try #require(RuntimeSpec(json: document.encoded()).linux.intelRdt), id: "c")
    }

    @Test("without closID the container has a class of its own, which goes with it")
    func own() throws {
        let made = try plan(["l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "schemata": ["L2:0=1"]])
        #expect(made.steps == [.make("c"), .write("c/schemata", lines: ["L3:0=f", "MB:0=20", "L2:0=1"])])
        #expect(made.taskFiles == ["c/tasks"] && made.removals == ["c"])
        #expect(try plan([:]).steps == [.make("c")])
    }

    @Test("a class by name is compared or made when schemas are given, and demanded otherwise; it stays")
    func named() throws {
        let made = try plan(["closID": "gold", "memBwSchema": "MB:0=20", "schemata": ["L2:0=1"]])
        #expect(
            made.steps == [
                .makeIfMissing("gold"), .compare("gold/schemata", lines: ["MB:0=20"]), .write("gold/schemata", lines: ["L2:0=1"]),
            ])
        #expect(made.removals == [])
        #expect(try plan(["closID": "gold"]).steps == [.require("gold")])
        #expect(try plan(["closID": "/"]).steps == [.require("")])
        #expect(try plan(["closID": "/"]).taskFiles == ["tasks"])
    }

    @Test("monitoring has a group of the container's own inside its class")
    func monitoring() throws {
        let made = try plan(["closID": "gold", "enableMonitoring": true])
        #expect(made.steps == [.require("gold"), .make("gold/mon_groups/c")])
        #expect(made.taskFiles == ["gold/tasks", "gold/mon_groups/c/tasks"] && made.removals == ["gold/mon_groups/c"])
        #expect(try plan(["enableMonitoring": true]).removals == ["c/mon_groups/c", "c"])
    }

    @Test("lines are compared by value: spaces, zeros and the case of digits do not count")
    func schemas() throws {
        let file = "    MB:0=  20;1= 70\n    L3:0=007F0;1=0001f\n"
        for line in ["L3:0=7f0;1=1f", "L3:1=1F", "MB:0=20;1=70"] { #expect(ResctrlSchema(line)?.holds(in: file) == true, "\(line)") }
        for line in ["L3:0=7f1", "L3:2=1f", "L2:0=1", "MB:0=2"] { #expect(ResctrlSchema(line)?.holds(in: file) == false, "\(line)") }
        #expect(ResctrlSchema("L3") == nil && ResctrlSchema("L3:x") == nil)
    }

    @Test("the mount is found by its type")
    func mountPoint() {
        let table = "22 1 0:21 / /proc rw - proc proc rw\n30 1 0:26 / /sys/fs/resctrl rw,relatime shared:7 - resctrl resctrl rw\n"
        #expect(Resctrl.mountPoint(in: table) == "/sys/fs/resctrl")
        #expect(Resctrl.mountPoint(in: "22 1 0:21 / /resctrl rw - proc resctrl rw\n") == nil)
    }

    @Test("a class that is there takes the process and what is written; one that differs, is missing or is taken is refused")
    func applied() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir -p \(bundle.directory)/gold \(bundle.directory)/c")
        for name in ["gold/schemata", "gold/tasks"] { try bundle.write("L3:0=f\n", to: name) }
        func resctrl(_ json: JSON) throws -> Resctrl { try Resctrl(plan(json), at: bundle.directory) }
        let same = try resctrl(["closID": "gold", "l3CacheSchema": "L3:0=0F", "schemata": ["L3:0=3"]])
        try same.prepare()
        #expect(try bundle.read("gold/schemata") == "L3:0=3\n")
        try same.add(pid: 42)
        #expect(try bundle.read("gold/tasks").hasPrefix("42\n"))
        try same.remove()
        #expect(unsafe access("\(bundle.directory)/gold", F_OK) == 0)
        let refused: [(JSON, String)] = [
            (["closID": "gold", "l3CacheSchema": "L3:0=1"], "config.json linux.intelRdt: the class that is there differs from L3:0=1"),
            (["closID": "silver"], "config.json linux.intelRdt.closID: there is no class silver in \(bundle.directory)"),
            ([:], "mkdir \(bundle.directory)/c: file exists (EEXIST)"),
        ]
        for (json, reason) in refused {
            let error = #expect(throws: ExecutorFailure.self) { try resctrl(json).prepare() }
            #expect(error?.description == reason)
        }
    }
}
