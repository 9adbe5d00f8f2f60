import Glibc
import LinuxSys
import OCI
import Testing

/// security.md, the rows of the executor: each plays the attack.
@Suite("attacks on the set-up", .enabled(if: Needs.containers, Needs.reason))
struct ContainerAttackTests {
    @Test("a link in the place of /proc, /sys or /dev is refused (CVE-2019-19921, CVE-2026-41579)", arguments: ["proc", "sys", "dev"])
    func linkedSystemDirectory(_ name: String) throws {
        let bundle = try TestBundle()
        _ = unsafe rmdir("\(bundle.rootfs)/\(name)")
        _ = unsafe mkdir("\(bundle.rootfs)/elsewhere", 0o755)
        _ = unsafe symlink("/elsewhere", "\(bundle.rootfs)/\(name)")
        // No file system on /dev, so that its nodes would land where the link leads.
        let config = TestConfig("true").with { if name == "dev" { $0.mounts.removeSubrange(1...2) } }
        let result = try bundle.run(config)
        #expect(result.status == .code(1))
        #expect(result.errors.contains("/\(name) (must be a directory of the rootfs, not a link)"), "\(result.errors)")
        #expect(try subdirectories(of: "\(bundle.rootfs)/elsewhere") == [])
        #expect(bundle.leftovers == [])
    }

    @Test("mount targets that are links stay inside the root, dangling ones too (CVE-2021-30465, CVE-2024-45310)")
    func linkedTarget() throws {
        let bundle = try TestBundle()
        let outside = "\(bundle.directory)/outside"
        _ = unsafe mkdir(outside, 0o755)
        _ = unsafe symlink(outside, "\(bundle.rootfs)/link")
        _ = unsafe symlink("../../../../../../\(outside)/deep", "\(bundle.rootfs)/up")
        let config = TestConfig(script: "grep -c 'outside/made tmpfs\\|outside/deep/file ' /proc/mounts").with {
            $0.mounts.append(TestConfig.mount("/link/made", "tmpfs", []))
            $0.mounts.append(TestConfig.mount("/up/file", "bind", ["bind"], source: "/etc/hostname"))
        }
        let result = try bundle.run(config)
        #expect(result.lines == ["2"], "\(result.errors)")
        #expect(try TestBundle.shell("ls \(outside)").output == "")
    }

    @Test("the host's binary cannot be written from a container through /proc/self/exe (CVE-2019-5736)")
    func ownBinary() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000"))
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        // The interpreter line makes the container execute the runtime itself, which then is what it can open for writing.
        try bundle.write("#!/proc/self/exe\n", to: "rootfs/evil", mode: 0o755)
        let before = try FD.open(TestBundle.program, O_RDONLY).info()
        let result = try bundle.run(["exec", bundle.id, "/evil"])
        #expect(result.status != .code(0))
        let writer = "for i in 1 2 3; do echo evil >> /proc/1/exe; done 2>/dev/null; true"
        _ = try bundle.run(["exec", bundle.id, "sh", "-c", writer])
        #expect(try FD.open(TestBundle.program, O_RDONLY).info().isSameFile(as: before))
        #expect(try bundle.run(["--version"]).status == .code(0))
    }

    @Test("the program that runs is on a mount that cannot be written")
    func sealedProgram() throws {
        let bundle = try TestBundle()
        // While it waits, init still is the runtime's own binary.
        try bundle.configure(TestConfig("true"))
        #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        // That it is busy protects it only as long as it runs; the mount protects it for good.
        #expect(try FD.open("/proc/\(bundle.read("pid"))/exe", O_RDONLY).fileSystem().isReadOnly)
        #expect(try TestBundle.shell("exec 3>>/proc/$(cat \(bundle.directory)/pid)/exe").status != .code(0))
    }

    @Test("a crash runs nothing that lies in the working directory or in an image")
    func crash() throws {
        let bundle = try TestBundle()
        // What the Swift runtime looks for beside the program when it starts, and runs by the same path when it crashes.
        for place in ["", "rootfs/"] { try bundle.write("#!/bin/sh\n: > /ran\n", to: "\(place)swift-backtrace", mode: 0o755) }
        try bundle.configure(TestConfig("true"))
        #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        // The first process of a pid namespace has no default for this signal, and goes on.
        try TestBundle.shell("kill -SEGV $(cat \(bundle.directory)/pid)")
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        #expect(unsafe access("\(bundle.rootfs)/ran", F_OK) == -1)
    }

    @Test("/proc is not mounted over but for what system containers need")
    func procMount() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(
            TestConfig("true").with { $0.mounts.append(TestConfig.mount("/proc/self/attr", "bind", ["bind"], source: "/tmp")) })
        #expect(result.errors == "swiftlet-oci: config.json mounts[4].destination: /proc/self/attr must not be mounted over\n")
    }

    @Test("no descriptor of the runtime is inherited (CVE-2024-21626)")
    func descriptors() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000"))
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        #expect(try bundle.run(["exec", bundle.id, "ls", "/proc/1/fd"]).lines == ["0", "1", "2"])
        #expect(try bundle.run(["exec", bundle.id, "ls", "/proc/self/fd"]).lines == ["0", "1", "2", "3"])
        for number in 3...12 {
            #expect(try bundle.run(["exec", "--cwd", "/proc/self/fd/\(number)", bundle.id, "true"]).status == .code(255))
        }
    }

    @Test(
        "a user id is a plain number below 2^32-1 (CVE-2026-30892, CVE-2024-40635)",
        arguments: ["4294967295", "4294967296", "-1", "0x1", " 1", "root", "1:"])
    func userID(_ text: String) throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000"))
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        #expect(try bundle.run(["exec", "--user=\(text)", bundle.id, "id"]).status == .code(255))

    }

    @Test("a link of the image is no working directory on the host (CVE-2024-21626)")
    func linkedWorkingDirectory() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("ln -s /proc/self/fd \(bundle.rootfs)/fds; ln -s /proc/1/root \(bundle.rootfs)/up")
        try bundle.configure(TestConfig("sleep", "1000"))
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        for path in ["/up", "/up/..", "/fds/3", "/proc/self/cwd", "/proc/1/root"] {
            let result = try bundle.run(["exec", "--cwd", path, bundle.id, "pwd"])
            #expect(result.status == .code(255), "\(path): \(result.output)")
        }
        // Further up than the root is the root.
        #expect(try bundle.run(["exec", "--cwd", "/../../..", bundle.id, "ls"]).lines.contains("up"))
    }

    @Test("what cannot be a home directory is none: control characters, links out, what is no file (CVE-2022-4318)")
    func home() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "echo $HOME")
        func home(_ passwd: String) throws -> [String] {
            try TestBundle.shell("rm -f \(bundle.rootfs)/etc/passwd; cd \(bundle.rootfs)/etc; \(passwd)")
            return try bundle.run(config).lines
        }
        #expect(try home("printf 'root:x:0:0::/a b:/bin/sh\\n' > passwd") == ["/a b"])
        #expect(try home("printf 'root:x:0:0::/a\\033b:/bin/sh\\n' > passwd") == ["/"])
        #expect(try home("printf 'root:x:0:0::/a\\rb:/bin/sh\\n' > passwd") == ["/"])
        #expect(try home("printf 'root:x:0:0::a:/bin/sh\\n' > passwd") == ["/"])
        // A line break in a field ends the line: the account is another one, and nobody's.
        #expect(try home("printf 'root:x:0:0::/a\\nb:/bin/sh\\n' > passwd") == ["/a"])
        // It would block, or be the host's.
        #expect(try home("mkfifo passwd") == ["/"])
        #expect(try home("ln -s /proc/1/root/etc/passwd passwd") == ["/"])
        try bundle.write("root:x:0:0::/of-the-host:/bin/sh\n", to: "passwd")
        #expect(try home("ln -s ../../passwd passwd") == ["/"])
        #expect(try home("ln -s \(bundle.directory)/passwd passwd") == ["/"])
        #expect(try home("head -c 2000000 /dev/zero > passwd") == ["/"])
    }

    @Test("a parameter is set in the kernel, whatever is mounted over /proc/sys (CVE-2025-52881)")
    func coveredParameters() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir -p \(bundle.rootfs)/second")
        let config = TestConfig("cat", "/second/sys/net/ipv4/ip_forward").with {
            $0.mounts.append(TestConfig.mount("/second", "proc", []))
            // The container's own procfs is not the one that is written through, nor is what lies at its place in the rootfs.
            $0.mounts.removeFirst()
            $0.linux["sysctl"] = ["net.ipv4.ip_forward": "1"]
        }
        try TestBundle.shell("mkdir -p \(bundle.rootfs)/proc/sys/net/ipv4; echo trap > \(bundle.rootfs)/proc/sys/net/ipv4/ip_forward")
        let before = try TestBundle.shell("cat /proc/sys/net/ipv4/ip_forward").output
        let result = try bundle.run(config)
        #expect(result.lines == ["1"], "\(result.errors)")
        #expect(try bundle.read("rootfs/proc/sys/net/ipv4/ip_forward") == "trap\n")
        #expect(try TestBundle.shell("cat /proc/sys/net/ipv4/ip_forward").output == before)
        let covered = try bundle.run(config.with { $0.mounts = [TestConfig.mount("/proc/sys/net", "tmpfs", [])] })
        #expect(covered.errors == "swiftlet-oci: config.json mounts[0].destination: /proc/sys/net must not be mounted over\n")
    }

    @Test("a value for a parameter carries nothing else into the kernel (CVE-2022-0811)")
    func injectedParameter() throws {
        let bundle = try TestBundle()
        let injected: [(String, String)] = [
            ("net.ipv4.ip_forward", "1\nkernel.core_pattern=|/tmp/evil"), ("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x\u{0d}"),
            ("net/../kernel/core_pattern", "|/tmp/evil"), ("net.ipv4/../../kernel/core_pattern", "x"),
            ("kernel.core_pattern", "|/tmp/evil"),
        ]
        let before = try TestBundle.shell("cat /proc/sys/kernel/core_pattern").output
        for (name, value) in injected {
            let result = try bundle.run(TestConfig("true").with { $0.linux["sysctl"] = .object([name: .string(value)]) })
            #expect(result.status == .code(1), "\(name)")
            #expect(bundle.leftovers == [])
        }
        #expect(try TestBundle.shell("cat /proc/sys/kernel/core_pattern").output == before)
    }

    @Test("until the program runs, its process cannot be looked into: not dumpable, owned by root, out of a neighbour's reach")
    func undumpable() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000").with { $0.process["user"] = ["uid": 1000, "gid": 1000] })
        #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        let pid = try bundle.read("pid")
        let uid = "awk '/^Uid:/ { print $2 }' /proc/\(pid)/status; stat -c %u /proc/\(pid)/environ"
        #expect(try TestBundle.shell(uid).lines == ["1000", "0"])
        // The same user without privileges, as a neighbour in the container would be.
        let peek = "setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all"
        for file in ["fd/0", "exe", "cwd", "root"] {
            #expect(try TestBundle.shell("\(peek) readlink /proc/\(pid)/\(file)").status != .code(0), "\(file)")
        }
        #expect(try TestBundle.shell("\(peek) cat /proc/\(pid)/environ").status != .code(0))
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        #expect(try TestBundle.shell(uid).lines == ["1000", "1000"])
    }
}
