import Glibc
import LinuxSys
import Testing

@testable import Executor

@Suite("mounts of a rootfs handed over by the supervisor", .enabled(if: Needs.containers, Needs.reason))
struct RootfsMountTests {
    private func names(_ path: String) throws(ExecutorFailure) -> [String] {
        try sys { () throws(SysError) in try subdirectories(of: path).sorted() }
    }

    @Test(
        "an overlay of more layers than a page of options can name is stacked, and the host does not see it",
        .enabled(if: Needs.overlay, Needs.noOverlay), arguments: [2, 150])
    func overlay(_ count: Int) throws {
        let bundle = try TestBundle()
        let base = bundle.directory
        let long = String(repeating: "long", count: 12)
        try TestBundle.shell("cd \(base); mkdir up work root; for i in $(seq \(count)); do mkdir -p layers/\(long)$i/from$i; done")
        let lower = (1...count).map { "\(base)/layers/\(long)\($0)" }.joined(separator: ":")
        let mount = RootfsMount(
            type: "overlay", source: "overlay", options: ["index=off", "workdir=\(base)/work", "upperdir=\(base)/up", "lowerdir=\(lower)"])
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try RootfsMounts.make([mount], at: "\(base)/root")
            return try names("\(base)/root")
        }
        #expect(seen == (1...count).map { "from\($0)" }.sorted())
        #expect(try subdirectories(of: "\(base)/root") == [])
    }

    @Test(
        "an image in a file is mounted through a loop device, and the device goes with the mount",
        .enabled(if: unsafe access("/dev/loop-control", W_OK) == 0 && access("/sbin/mkfs.ext4", X_OK) == 0, "needs loop devices, mkfs.ext4")
    )
    func image() throws {
        let bundle = try TestBundle()
        let base = bundle.directory
        // One each: the kernel may be at the end of the first while the second is mounted.
        try TestBundle.shell(
            "cd \(base); mkdir root content content/inside; for i in 1 2; do truncate -s 4M image$i; mkfs.ext4 -q -d content image$i; done")
        for options in [["loop"], ["loop", "ro"]] {
            let mount = RootfsMount(type: "ext4", source: "\(base)/image\(options.count)", options: options)
            let seen = try Aside.run { () throws(ExecutorFailure) in
                try RootfsMounts.make([mount], at: "\(base)/root")
                let isWritable = unsafe mkdir("\(base)/root/made", 0o755) == 0
                return try names("\(base)/root") + [isWritable ? "writable" : "read-only"]
            }
            #expect(seen == ["inside", "lost+found"] + (options == ["loop"] ? ["made", "writable"] : ["read-only"]))
        }
        try TestBundle.shell("for i in $(seq 100); do losetup -a | grep -q \(base)/image || exit 0; sleep 0.05; done; exit 1")
    }

    @Test("a file system that a process serves is refused by name")
    func served() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir \(bundle.directory)/root")
        let path = "\(bundle.directory)/root"
        let mount = RootfsMount(type: "fuse3.fuse-overlayfs", source: "overlay", options: [])
        let said = try Aside.run { () throws(ExecutorFailure) in
            do { try RootfsMounts.make([mount], at: path) } catch { return ["\(error)"] }
            return []
        }
        #expect(said.first?.hasPrefix("mount fuse3.fuse-overlayfs rootfs[0]: ") == true, "\(said)")
    }

    @Test("a bind mount with another below it; read-only holds")
    func bind() throws {
        let bundle = try TestBundle()
        let base = bundle.directory
        try TestBundle.shell("cd \(base); mkdir -p a/x b/y root")
        let mounts = [
            RootfsMount(type: "bind", source: "\(base)/a", options: ["rbind", "ro"]),
            RootfsMount(type: "bind", source: "\(base)/b", target: "/x", options: ["bind"]),
        ]
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try RootfsMounts.make(mounts, at: "\(base)/root")
            let isReadOnly = try sys { () throws(SysError) in
                try FD.open("\(base)/root", O_RDONLY).fileSystem().isReadOnly
            }
            return try names("\(base)/root/x") + [isReadOnly ? "read-only" : "writable"]
        }
        #expect(seen == ["y", "read-only"])
    }

    @Test("a layer that is missing is told with the place and the kernel's reason", .enabled(if: Needs.overlay, Needs.noOverlay))
    func missing() throws {
        let bundle = try TestBundle()
        let mount = RootfsMount(type: "overlay", source: "overlay", options: ["lowerdir=/not/there:/nor/this"])
        do {
            _ = try Aside.run { () throws(ExecutorFailure) in
                try RootfsMounts.make([mount], at: bundle.rootfs)
                return []
            }
            Issue.record("it was mounted")
        } catch let failure as ExecutorFailure {
            #expect(failure.errno == ENOENT)
            #expect(failure.description.contains("mount overlay \(bundle.rootfs)"), "\(failure)")
        }
    }
}
