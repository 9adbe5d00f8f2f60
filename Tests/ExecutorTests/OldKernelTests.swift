import Glibc
import LinuxSys
import OCI
import Testing

@testable import Executor

@Suite("mounts on kernels without the newest calls", .enabled(if: Needs.containers, Needs.reason))
struct OldKernelTests {
    private static let old = KernelCalls.all.subtracting(.mountAttributes)

    private static func plan(_ options: [String]) throws -> MountPlan {
        try MountPlan(MountSpec(destination: "/x", type: "none", source: "/s", options: options), number: 0, field: "m", bundle: "/")
    }

    /// The options of what is mounted at a place, as the kernel's table has them.
    private static func options(_ place: String) throws(SysError) -> String {
        let text = String(decoding: try FD.open("/proc/thread-self/mountinfo", O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
        let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
        return lines.last { $0[4] == place }.map { String($0[5]) } ?? "nothing"
    }

    @Test(
        "a bind mount gets its options by a remount, and keeps those that nobody spoke of",
        arguments: [
            (["bind", "ro"], "ro,nosuid,noatime"), (["bind", "noexec", "suid"], "rw,noexec,noatime"),
            (["bind", "relatime", "nodev", "nodiratime"], "rw,nosuid,nodev,nodiratime,relatime"), (["bind", "strictatime"], "rw,nosuid"),
            (["bind", "rro", "nosymfollow"], "ro,nosuid,noatime,nosymfollow"), (["bind"], "rw,nosuid,noatime"),
        ])
    func bind(_ words: [String], _ wanted: String) throws {
        let bundle = try TestBundle()
        let plan = try Self.plan(words)
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try mountPath("t", on: "\(bundle.rootfs)/tmp", type: "tmpfs", flags: MountFlag.noSetUID | MountFlag.noAccessTime)
                let place = try FD.open("\(bundle.rootfs)/root", openPathOnly)
                try plan.settle(FD.mountCopy(of: "\(bundle.rootfs)/tmp", .single), on: place, calls: Self.old)
                return [try Self.options("\(bundle.rootfs)/root")]
            }
        }
        #expect(seen == [wanted])
    }

    @Test("options for the mounts below are refused, because no older call reaches them")
    func recursive() throws {
        let bundle = try TestBundle()
        let plan = try Self.plan(["rbind", "rro"])
        #expect {
            _ = try Aside.run { () throws(ExecutorFailure) in
                try sys { () throws(SysError) in
                    let place = try FD.open("\(bundle.rootfs)/root", openPathOnly)
                    try plan.settle(FD.mountCopy(of: bundle.rootfs, .recursive), on: place, calls: Self.old)
                    return []
                }
            }
        } throws: { "\($0)" == "mount_setattr /x (recursive options need Linux 5.12): function not implemented (ENOSYS)" }
    }

    @Test("a path becomes read-only, and a mount also")
    func readonly() throws {
        let bundle = try TestBundle()
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try Apply.coverReadonly(FD.open("\(bundle.rootfs)/etc", openPathOnly), name: "/etc", calls: Self.old)
                try mountPath("t", on: "\(bundle.rootfs)/tmp", type: "tmpfs", flags: MountFlag.noSetUID)
                try Apply.makeReadonly(FD.open("\(bundle.rootfs)/tmp", openPathOnly), name: "/tmp", calls: Self.old)
                return [try Self.options("\(bundle.rootfs)/etc"), try Self.options("\(bundle.rootfs)/tmp")]
            }
        }
        #expect(seen == ["ro,relatime", "ro,nosuid,relatime"])
    }

    @Test("a mount that is there gets other options by a remount")
    func remount() throws {
        let bundle = try TestBundle()
        let plan = try Self.plan(["remount", "bind", "ro", "nodev"])
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try mountPath("t", on: "\(bundle.rootfs)/tmp", type: "tmpfs", flags: MountFlag.noSetUID)
                try plan.resettle(FD.open("\(bundle.rootfs)/tmp", openPathOnly), calls: Self.old)
                return [try Self.options("\(bundle.rootfs)/tmp")]
            }
        }
        #expect(seen == ["ro,nosuid,nodev,relatime"])
    }

    @Test(
        "an overlay goes through mount(2) where layers cannot be given one by one, if its options fit a page",
        .enabled(if: Needs.overlay, Needs.noOverlay), arguments: [2, 300, 490])
    func overlay(_ count: Int) throws {
        let bundle = try TestBundle()
        let base = bundle.directory
        try TestBundle.shell("cd \(base); mkdir root; for i in $(seq \(count)); do mkdir -p l/layer$i/from$i; done")
        let lower = (1...count).map { "\(base)/l/layer\($0)" }.joined(separator: ":")
        let mount = RootfsMount(type: "overlay", source: "overlay", options: ["lowerdir=\(lower)"])
        let make = {
            try Aside.run { () throws(ExecutorFailure) in
                try RootfsMounts.make([mount], at: "\(base)/root", calls: KernelCalls.all.subtracting(.overlayLayers))
                return try sys { () throws(SysError) in try subdirectories(of: "\(base)/root").sorted() }
            }
        }
        if count < 400 {
            #expect(try make() == (1...count).map { "from\($0)" }.sorted())
        } else {
            #expect(throws: ExecutorFailure.self) { try make() }
        }
    }

    @Test("layers behind :: hold content alone: what is in them is not listed", .enabled(if: Needs.overlay, Needs.noOverlay))
    func dataLayers() throws {
        let bundle = try TestBundle()
        let base = bundle.directory
        try TestBundle.shell("cd \(base); mkdir -p layer/seen data/hidden root")
        let options = ["lowerdir=\(base)/layer::\(base)/data", "metacopy=on"]
        let seen = try Aside.run { () throws(ExecutorFailure) in
            try RootfsMounts.make([RootfsMount(type: "overlay", source: "overlay", options: options)], at: "\(base)/root")
            return try sys { () throws(SysError) in try subdirectories(of: "\(base)/root") }
        }
        #expect(seen == ["seen"])
    }
}
