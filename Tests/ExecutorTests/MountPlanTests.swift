import LinuxSys
import OCI
import Testing

@testable import Executor

@Suite("the plan of one mount")
struct MountPlanTests {
    private func plan(_ type: String?, _ options: [String], source: String? = "src", at place: String = "/x") throws -> MountPlan {
        try MountPlan(MountSpec(destination: place, type: type, source: source, options: options), number: 3, field: "m", bundle: "/b")
    }

    @Test("bind mounts: relative sources count from the bundle, the type says nothing beside the option")
    func binds() throws {
        #expect(try plan("none", ["bind"]).kind == .bind(source: "/b/src", .single))
        #expect(try plan("tmpfs", ["rbind"], source: "/abs").kind == .bind(source: "/abs", .recursive))
        #expect(try plan("bind", []).kind == .bind(source: "/b/src", .single))
        #expect(throws: ExecutorFailure.self) { try plan("none", []) }
        #expect(throws: ExecutorFailure.self) { try plan("bind", [], source: nil) }
    }

    @Test("the last word wins; r-options hold below as well; access times are one field")
    func attributes() throws {
        let mount = try plan("tmpfs", ["ro", "rw", "nosuid", "rro", "noatime"])
        // Below a new mount there is nothing yet.
        #expect(mount.set == [.noSetUID, .noAccessTime, .readonly] && mount.setBelow == [])
        let bind = try plan("bind", ["ro", "rw", "nosuid", "rro", "noatime", "rbind"])
        #expect(bind.set == [.noSetUID, .noAccessTime] && bind.setBelow == .readonly)
        #expect(bind.clear.contains(.readonly) && !bind.clear.contains(.noSetUID))
    }

    @Test("every recursive option has the meaning of the plain one, for all mounts below")
    func recursive() throws {
        let pairs: [(String, MountAttributes, MountAttributes)] = [
            ("rro", .readonly, []), ("rrw", [], .readonly), ("rnosuid", .noSetUID, []), ("rsuid", [], .noSetUID),
            ("rnodev", .noDevices, []), ("rdev", [], .noDevices), ("rnoexec", .noExecute, []), ("rexec", [], .noExecute),
            ("rnodiratime", .noDirectoryAccessTime, []), ("rdiratime", [], .noDirectoryAccessTime), ("rrelatime", [], .accessTimeMask),
            ("rnorelatime", [], .accessTimeMask), ("rnoatime", .noAccessTime, .strictAccessTime), ("ratime", [], .accessTimeMask),
            ("rstrictatime", .strictAccessTime, .noAccessTime), ("rnostrictatime", [], .accessTimeMask),
            ("rnosymfollow", .noSymlinkFollow, []), ("rsymfollow", [], .noSymlinkFollow),
        ]
        for (word, set, clear) in pairs {
            let mount = try plan("bind", ["rbind", word])
            #expect(
                mount.setBelow == set && mount.clearBelow == clear && mount.set == [] && mount.clear == [] && mount.data == [], "\(word)")
        }
    }

    @Test("options that every file system has are taken apart from its own; silent, loud and defaults say nothing")
    func common() throws {
        let mount = try plan(
            "tmpfs", ["sync", "dirsync", "lazytime", "mand", "iversion", "silent", "loud", "defaults", "async", "nomand", "size=1k"])
        #expect(mount.common == [.synchronousDirectories, .lazyTime, .inodeVersion])
        #expect(mount.common.flags == MountFlag.synchronousDirectories | MountFlag.lazyTime | MountFlag.inodeVersion)
        #expect(mount.data.map(\.key) == ["size"])
        #expect(try plan("tmpfs", ["lazytime", "nolazytime", "iversion", "noiversion"]).common == [])
    }

    @Test("a new file system is told what all have, its label and its own; proc, sysfs and mqueue have theirs from the policy")
    func settings() throws {
        let mount = try plan("ext4", ["ro", "sync", "data=journal", "nosuid"])
        #expect(mount.settings(of: "ext4", label: "a:b:c:s0:c1,c2").map(\.key) == ["sync", "ro", "context", "data"])
        #expect(mount.settings(of: "ext4", label: "a:b:c:s0:c1,c2")[2].value == "a:b:c:s0:c1,c2")
        let small = try plan("tmpfs", ["ro", "size=1k"])
        #expect(small.settings(of: "tmpfs", label: nil) == [.init(key: "size", value: "1k")])
        #expect(small.settings(of: "tmpfs", label: "x") == [.init(key: "context", value: "x"), .init(key: "size", value: "1k")])
        for type in ["proc", "sysfs", "mqueue"] { #expect(try plan(type, []).settings(of: type, label: "x") == []) }
    }

    @Test("remount, copy-up and id maps are words of their own")
    func words() throws {
        #expect(try plan("proc", ["remount", "ro"]).kind == .remount(.fileSystem))
        #expect(try plan("none", ["remount", "bind", "ro"]).kind == .remount(.mount))
        #expect(try plan("tmpfs", ["tmpcopyup"]).copiesUp)
        #expect(try plan("bind", ["bind", "idmap"]).idMap == MountPlan.IDMap(uid: [], gid: [], scope: .single))
        #expect(try plan("bind", ["rbind", "ridmap", "idmap"]).idMap?.scope == .recursive)
    }

    @Test("over /proc a procfs, over its files those that are virtualised, and nothing else")
    func procPlaces() throws {
        #expect(try plan("proc", [], at: "/proc").refusal(at: "/proc", bindsProc: false) == nil)
        #expect(try plan("bind", ["rbind"], at: "/proc").refusal(at: "/proc", bindsProc: true) == nil)
        #expect(try plan("bind", ["rbind"], at: "/proc").refusal(at: "/proc", bindsProc: false) != nil)
        #expect(try plan("tmpfs", [], at: "/proc").refusal(at: "/proc", bindsProc: true) != nil)
        #expect(try plan("bind", ["bind"], at: "/proc/cpuinfo").refusal(at: "/proc/cpuinfo", bindsProc: false) == nil)
        #expect(try plan("bind", ["bind"], at: "/proc/self/attr").refusal(at: "/proc/self/attr", bindsProc: false) != nil)
        #expect(try plan("none", ["remount", "bind", "ro"], at: "/proc/sys").refusal(at: "/proc/sys", bindsProc: false) == nil)
        #expect(try plan("tmpfs", [], at: "/process").refusal(at: "/process", bindsProc: false) == nil)
    }

    @Test("what is no mount option is the file system's own; propagation keeps its order")
    func rest() throws {
        let mount = try plan("tmpfs", ["size=1k", "noswap", "rprivate", "rshared", "defaults"])
        #expect(mount.data == [.init(key: "size", value: "1k"), .init(key: "noswap", value: nil)])
        #expect(mount.propagation == [.recursivePrivate, .recursiveShared])
        #expect(mount.kind == .fileSystem(type: "tmpfs", source: "src"))
        #expect(try plan("cgroup", []).kind == .cgroup(.any))
        #expect(try plan("cgroup2", []).kind == .cgroup(.unified))
    }

    @Test("a destination is cleaned before it is used") func destination() throws {
        #expect(try plan("tmpfs", [], at: "/a/../b//./c/").destination == "/b/c")
        #expect(throws: ExecutorFailure.self) { try plan("tmpfs", [], at: "/a/..") }
    }

    @Test("overlay options are taken apart for the calls without a page limit, and kept for the one with it")
    func overlay() {
        let options = OverlayOptions(["lowerdir=/a\\:b:/c", "upperdir=/u", "workdir=/w", "index=off", "userxattr", "ro"])
        #expect(options.lower == ["/a:b", "/c"])
        #expect(options.others.map(\.key) == ["upperdir", "workdir", "index", "userxattr"])
        #expect(options.attributes == .readonly)
        #expect(options.page == "lowerdir=/a\\:b:/c,upperdir=/u,workdir=/w,index=off,userxattr")
        #expect(OverlayOptions(["lowerdir=" + String(repeating: "/x:", count: 2000)]).fitsOnePage == false)
        #expect(OverlayOptions(["lowerdir=/a:/b::/c"]).hasDataLayers && !OverlayOptions(["lowerdir=/a:/b:"]).hasDataLayers)
        #expect(OverlayOptions(["context=a:s0:c1,c2"]).page == "context=\"a:s0:c1,c2\"")
        #expect(OverlayOptions(["upperdir=/a:b\\,c"]).others.map(\.value) == ["/a:b,c"])
    }

    @Test("a page of overlay options calls layers from the directory in which they are")
    func overlayPage() {
        let page = OverlayPage(OverlayOptions(["lowerdir=/s/c/x/init:/s/l/a:/s/l/b", "upperdir=/s/c/x/diff", "workdir=/s/w", "userxattr"]))
        #expect(page?.directory == "/s/l")
        #expect(page?.text == "lowerdir=/s/c/x/init:a:b,upperdir=/s/c/x/diff,workdir=/s/w,userxattr")
        #expect(OverlayPage(OverlayOptions(["lowerdir=/s/12/fs:/s/1/fs"]))?.text == "lowerdir=12/fs:1/fs")
        #expect(OverlayPage(OverlayOptions(["lowerdir=/s/only"]))?.text == "lowerdir=only")
        #expect(OverlayPage(OverlayOptions(["lowerdir=/s/a/:/s//b:/s/c"]))?.text == "lowerdir=a/:/s//b:c")
    }

    @Test(
        "what a page would say otherwise, or not at all, is not said by it",
        arguments: [
            ["lowerdir=/s/a\\:b:/s/c"], ["lowerdir=/s/a,b:/s/c"], ["lowerdir=a:b"], ["lowerdir=/a"], ["lowerdir=/s/a", "upperdir=u"],
            ["lowerdir=/s/a", "upperdir=/u\\,v"], ["lowerdir=/s/a", "context=x:s0:c1,c2"], ["lowerdir=/s/a", "ro"],
            ["lowerdir=" + (0..<2000).map { "/s/\($0)" }.joined(separator: ":")],
        ])
    func noOverlayPage(_ options: [String]) { #expect(OverlayPage(OverlayOptions(options)) == nil) }

    @Test("the table of capabilities has the kernel's numbers") func capabilities() throws {
        let numbers = [
            "CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_SYSLOG": 34, "CAP_AUDIT_READ": 37, "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40,
        ]
        for (name, number) in numbers { #expect(Capabilities.names.firstIndex(of: name) == number) }
        #expect(Capabilities.names.count == 41)
    }
}
