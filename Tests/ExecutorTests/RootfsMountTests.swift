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
