import Glibc
import LinuxSys
import OCI
import Testing

@Suite("a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerTests {
    @Test(
        "its exit code is the program's, and 128 and the signal when that kills it",
        arguments: [("exit 7", 7), ("kill -9 $$", 137), ("true", 0)])
    func exitCode(_ script: String, _ code: Int32) throws {
        let bundle = try TestBundle()
        // Without a pid namespace, in which a signal from inside does not reach init.
        let config = TestConfig(script: script).with { $0.linux["namespaces"] = [["type": "mount"], ["type": "uts"]] }
        #expect(try bundle.run(config).status == .code(code))
        #expect(bundle.leftovers == [])
    }

    @Test("it has namespaces, a host name, a process 1 and an environment with HOME from its own passwd")
    func view() throws {
        let bundle = try TestBundle()
        let script = "hostname; echo $$; echo $HOME; ps > /tmp/ps; wc -l < /tmp/ps; ip link show lo | grep -c UP; ls /proc/self/fd | wc -l"
        let result = try bundle.run(TestConfig(script: script).with { $0.members["hostname"] = "inside" })
        // ps: a heading, sh, ps. Descriptors: 0, 1, 2 and the directory that ls reads.
        #expect(result.lines == ["inside", "1", "/root", "3", "1", "4"], "\(result.errors)")
    }

    @Test("it has the default devices and links, and nothing else in /dev")
    func devices() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(
            TestConfig(script: "ls /dev; stat -c '%t %T %a' /dev/null /dev/urandom; readlink /dev/stdout; readlink /dev/ptmx"))
        #expect(
            result.lines == [
                "fd", "full", "null", "ptmx", "pts", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero", "1 3 666", "1 9 666",
                "/proc/self/fd/1", "pts/ptmx",
            ])
    }

    @Test("a device that is asked for is made with its mode and owner")
    func askedDevice() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "stat -c '%F %t %T %a %u %g' /dev/sub/fuse").with {
            $0.linux["devices"] = [
                ["type": "c", "path": "/dev/sub/fuse", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 1000, "gid": 1001]
            ]
        }
        #expect(try bundle.run(config).lines == ["character special file a e5 640 1000 1001"])
    }

    @Test("mounts are made in order with their options; targets of files and directories are made")
    func mounts() throws {
        let bundle = try TestBundle()
        try bundle.write("host\n", to: "file")
        _ = unsafe mkdir("\(bundle.directory)/volume", 0o755)
        let script = """
            cat /a/b/file; echo more > /a/b/file || echo refused; touch /volume/new && echo made
            grep ' /volume ' /proc/self/mountinfo | grep -c noexec; grep -c ' /a/b/file .*ro,' /proc/self/mountinfo
            """
        let config = TestConfig(script: script).with {
            $0.mounts.append(TestConfig.mount("/a/b/file", "bind", ["bind", "ro"], source: "file"))
            $0.mounts.append(TestConfig.mount("/volume", "none", ["rbind", "rprivate", "noexec"], source: "\(bundle.directory)/volume"))
        }
        let result = try bundle.run(config)
        #expect(result.lines == ["host", "refused", "made", "1", "1"], "\(result.errors)")
        #expect(unsafe access("\(bundle.directory)/volume/new", F_OK) == 0)
        #expect(try bundle.read("file") == "host\n")
    }

    @Test("a read-only root, read-only and masked paths hold")
    func protection() throws {
        let bundle = try TestBundle()
        let script = """
            touch /x 2>/dev/null || echo root; touch /etc/y 2>/dev/null || echo etc
            echo 1 > /proc/sys/kernel/domainname 2>/dev/null || echo sys
            wc -c < /etc/passwd; ls /root | wc -l; touch /dev/new && echo dev
            """
        let config = TestConfig(script: script).with {
            $0.readonlyRoot = true
            $0.linux["readonlyPaths"] = ["/proc/sys", "/not/there"]
            $0.linux["maskedPaths"] = ["/etc/passwd", "/root", "/not/there"]
        }
        try bundle.write("secret", to: "rootfs/root/secret")
        #expect(try bundle.run(config).lines == ["root", "etc", "sys", "0", "0", "dev"])
    }

    @Test("user, groups, umask, capabilities and no_new_privs are those that were asked for; inheritable is empty")
    func identity() throws {
        let bundle = try TestBundle()
        let script = "id -u; id -g; id -G; umask; grep -E 'Cap(Inh|Prm|Bnd|Amb)|NoNewPrivs' /proc/self/status"
        let config = TestConfig(script: script).with {
            $0.process["user"] = ["uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o077]
            $0.process["noNewPrivileges"] = true
            $0.process["capabilities"] = [
                "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"],
            ]
        }
        let result = try bundle.run(config)
        #expect(
            result.lines == [
                "1000", "1001", "1001 5 6", "0077", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000020",
                "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
            ], "\(result.errors)")
    }

    @Test("a limit, a kernel parameter and a working directory that has to be made")
    func settings() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "ulimit -n; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; pwd").with {
            $0.process["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 200, "hard": 300]]
            $0.process["user"] = ["uid": 1000, "gid": 1000]
            $0.process["cwd"] = "/made/here"
            $0.linux["sysctl"] = ["net.ipv4.ip_forward": "1", "kernel.msgmax": "4242"]
        }
        let result = try bundle.run(config)
        #expect(result.lines == ["200", "1", "4242", "/made/here"], "\(result.errors)")
    }

    @Test("a user namespace maps root to the host's numbers, and devices are bound")
    func userNamespace() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("chmod 755 \(bundle.directory); chown -R 100000:100000 \(bundle.rootfs)")
        let config = TestConfig(script: "id -u; cat /proc/self/uid_map; echo x > /dev/null && echo null; touch /f; exit 4").with {
            $0.linux["namespaces"] = [
                ["type": "pid"], ["type": "network"], ["type": "ipc"], ["type": "uts"], ["type": "mount"], ["type": "user"],
            ]
            $0.linux["uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            $0.linux["gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
        }
        let result = try bundle.run(config)
        #expect(result.status == .code(4), "\(result.errors)")
        #expect(result.lines.first == "0" && result.lines.last == "null")
        #expect(try FD.open("\(bundle.rootfs)/f", O_RDONLY).info().uid == 100_000)
    }

    @Test("another container's user namespace is joined by its path, with a pid namespace of one's own in it")
    func joinedUserNamespace() throws {
        let first = try TestBundle()
        let second = try TestBundle()
        for bundle in [first, second] { try TestBundle.shell("chmod 755 \(bundle.directory); chown -R 100000:100000 \(bundle.rootfs)") }
        let namespaces: [JSON] = [["type": "pid"], ["type": "network"], ["type": "mount"]]
        try first.configure(
            TestConfig("sleep", "1000").with {
                $0.linux["namespaces"] = .array(namespaces + [["type": "user"]])
                $0.linux["uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
                $0.linux["gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            })
        let started = try first.run(["run", "-d", "--pid-file", "\(first.directory)/pid", first.id])
        #expect(started.status == .code(0), "\(started.errors)")
        let place = "/proc/\(try first.read("pid"))/ns/user"
        let log: JSON = [["path": "/bin/sh", "args": ["sh", "-c", "id -u; exec readlink /proc/self/ns/user"]]]
        let config = TestConfig(script: "id -u; echo $$; readlink /proc/self/ns/user; cat /proc/self/uid_map; exit 6").with {
            $0.linux["namespaces"] = .array(namespaces + [["type": "user", "path": .string(place)]])
            $0.members["hooks"] = ["createRuntime": log]
        }
        let result = try second.run(config)
        #expect(result.status == .code(6), "\(result.errors)")
        #expect(Array(result.lines.prefix(3)) == ["0", "1"] + (try TestBundle.shell("readlink \(place)").lines))
        #expect(result.lines.last?.contains("100000") == true)
        #expect(second.leftovers == [])
    }

    @Test("a network namespace is joined by its path")
    func joinedNamespace() throws {
        let bundle = try TestBundle()
        let config = TestConfig("readlink", "/proc/self/ns/net").with {
            $0.linux["namespaces"] = [["type": "mount"], ["type": "pid"], ["type": "network", "path": "/proc/self/ns/net"]]
        }
        #expect(try bundle.run(config).lines == TestBundle.shell("readlink /proc/self/ns/net").lines)
    }

    @Test("a seccomp filter refuses a call")
    func seccomp() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "mkdir /tmp/d 2>/dev/null || echo refused; grep Seccomp: /proc/self/status").with {
            $0.linux["seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"]],
            ]
        }
        let result = try bundle.run(config)
        #expect(result.lines == ["refused", "Seccomp:\t2"], "\(result.errors)")
    }
}
