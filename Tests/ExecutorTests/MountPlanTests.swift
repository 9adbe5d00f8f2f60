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
        #expect(mount.set == [.noSetUID, .noAccessTime])
        #expect(mount.clear.contains(.readonly) && !mount.clear.contains(.noSetUID))
        #expect(mount.setBelow == .readonly)
    }

    @Test("what is no mount option is the file system's own; propagation keeps its order")
    func rest() throws {
        let mount = try plan("tmpfs", ["size=1k", "noswap", "rprivate", "rshared", "defaults"])
        #expect(mount.data == [.init(key: "size", value: "1k"), .init(key: "noswap", value: nil)])
        #expect(mount.propagation == [.recursivePrivate, .recursiveShared])
        #expect(mount.kind == .fileSystem(type: "tmpfs", source: "src"))
        #expect(try plan("cgroup2", []).kind == .cgroup)
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
        #expect(OverlayOptions(["upperdir=/a:b\\,c"]).others.map(\.value) == ["/a:b,c"])
    }

    @Test("the table of capabilities has the kernel's numbers") func capabilities() throws {
        #expect(
            try Capabilities.set(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"], field: "f")
                == CapabilitySet(rawValue: 1 | 1 << 21 | 1 << 40))
        #expect(throws: ExecutorFailure.self) { try Capabilities.set(["cap_chown"], field: "f") }
    }
}
