import Glibc
import LinuxSys
import OCI
import Testing

@Suite("namespaces of a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerNamespaceTests {
    private static let files = ["mnt", "uts", "ipc", "net", "pid", "cgroup", "time", "user"]

    private func own(_ name: String) throws -> String { try #require(TestBundle.shell("readlink /proc/self/ns/\(name)").lines.first) }

    @Test("each kind is new when it is listed, and the host's when it is not", .enabled(if: Needs.timeNamespaces, Needs.noTimeNamespaces))
    func newOnes() throws {
        let show = TestConfig(
            "busybox", "sh", "-c", "cd /proc/self/ns && for n in \(Self.files.joined(separator: " ")); do readlink $n; done")
        let bundle = try TestBundle()
        try bundle.giveAway()
        let all = try bundle.run(show.namespaces("mount", "uts", "ipc", "network", "pid", "cgroup", "time", "user"))
        #expect(all.lines.count == 8, "\(all.errors)")
        for (name, found) in zip(Self.files, all.lines) { #expect(try found != own(name), "\(name)") }
        let few = try bundle.run(show.namespaces("mount").with { $0.mounts.remove(at: 3) })
        #expect(few.lines.count == 8, "\(few.errors)")
        for (name, found) in zip(Self.files, few.lines) where name != "mnt" { #expect(try found == own(name), "\(name)") }
    }

    @Test("every kind is joined by its path, the mount namespace also", .enabled(if: Needs.timeNamespaces, Needs.noTimeNamespaces))
    func joined() throws {
        let bundle = try TestBundle()
        let kinds = [
            ("mount", "mnt"), ("uts", "uts"), ("ipc", "ipc"), ("network", "net"), ("pid", "pid"), ("cgroup", "cgroup"), ("time", "time"),
        ]
        let show = "cd /proc/self/ns && for n in mnt uts ipc net pid cgroup time; do readlink $n; done"
        try bundle.configure(
            TestConfig(script: show).with {
                $0.linux["namespaces"] = .array(kinds.map { ["type": .string($0.0), "path": .string("/proc/PID/ns/\($0.1)")] })
            })
        let result = try bundle.aside(
            """
            mkfifo ready
            unshare -m -u -i -n -p -C -T --propagation private --fork sh -c 'read pid rest < /proc/self/stat; echo $pid > ready; exec sleep 1000' & outer=$!
            read holder < ready; sed -i s/PID/$holder/g config.json
            ( cd /proc/$holder/ns; for n in mnt uts ipc net pid cgroup time; do readlink $n; done )
            oci run \(bundle.id) || true; kill -9 $holder
            """)
        #expect(result.lines.count == 14 && result.lines.prefix(7) == result.lines.suffix(7), "\(result.output)\(result.errors)")
    }

    @Test(
        "a path of another kind of namespace, of none, or of the runtime's own mounts is an error before anything is made",
        arguments: [
            ("pid", "/proc/self/ns/net", "(it is no pid namespace): invalid argument (EINVAL)"),
            ("ipc", "/proc/self/ns/user", "(it is no ipc namespace): invalid argument (EINVAL)"),
            ("network", "/etc/passwd", "(it is not a namespace): invalid argument (EINVAL)"),
            ("mount", "/proc/self/ns/mnt", "(it is the runtime's own mount namespace): device or resource busy (EBUSY)"),
        ])
    func wrongKind(_ kind: String, _ path: String, _ reason: String) throws {
        let bundle = try TestBundle()
        let others: [JSON] = kind == "mount" ? [] : [["type": "mount"]]
        let config = TestConfig("true").with {
            $0.linux["namespaces"] = .array(others + [["type": .string(kind), "path": .string(path)]])
        }
        #expect(try bundle.run(config).errors == "swiftlet-oci: join \(path) \(reason)\n")
        #expect(bundle.leftovers == [])
    }

    @Test(
        "clocks of a time namespace are off by what was asked for, also for an exec",
        .enabled(if: Needs.timeNamespaces, Needs.noTimeNamespaces))
    func timeOffsets() throws {
        let bundle = try TestBundle()
        let config = TestConfig("sleep", "1000").with {
            $0.linux["namespaces"] = [["type": "mount"], ["type": "pid"], ["type": "time"]]
            $0.linux["timeOffsets"] = ["monotonic": ["secs": -3], "boottime": ["secs": 5_000_000, "nanosecs": 7]]
        }
        try bundle.configure(config)
        let started = try bundle.run(["run", "-d", bundle.id])
        #expect(started.status == .code(0), "\(started.errors)")
        let script = "cat /proc/self/timens_offsets /proc/uptime; readlink /proc/1/ns/time; readlink /proc/self/ns/time"
        let result = try bundle.run(["exec", bundle.id, "sh", "-c", script])
        #expect(result.lines.first?.split(separator: " ") == ["monotonic", "-3", "0"], "\(result.errors)")
        #expect(result.lines.dropFirst().first?.split(separator: " ") == ["boottime", "5000000", "7"])
        let uptime = try #require(result.lines.dropFirst(2).first?.split(separator: ".").first.flatMap { Int($0) })
        #expect(uptime > 5_000_000)
        #expect(result.lines.suffix(2).first == result.lines.last)
        #expect(try result.lines.last != own("time"))
    }

    @Test("hooks of the runtime keep the host's clocks", .enabled(if: Needs.timeNamespaces, Needs.noTimeNamespaces))
    func hooksInHostTime() throws {
        let bundle = try TestBundle()
        let hook: JSON = [["path": "/bin/sh", "args": ["sh", "-c", .string("readlink /proc/self/ns/time > \(bundle.directory)/hook")]]]
        let config = TestConfig("true").namespaces("mount", "time").with {
            $0.mounts.remove(at: 3)
            $0.members["hooks"] = ["createRuntime": hook]
        }
        #expect(try bundle.run(config).status == .code(0))
        #expect(try bundle.read("hook") == own("time") + "\n")
    }

    @Test("without a mount namespace nothing is mounted: the rootfs is the root, and the host's mounts are the same")
    func sharedMounts() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "ls -d /bin /home 2>/dev/null; pwd; readlink /dev/stdin; test -c /dev/null && echo null")
            .namespaces("pid").with {
                $0.mounts = []
            }
        let before = try TestBundle.shell("cat /proc/self/mountinfo").output
        let result = try bundle.run(config)
        #expect(result.lines == ["/bin", "/", "/proc/self/fd/0", "null"], "\(result.errors)")
        #expect(try TestBundle.shell("cat /proc/self/mountinfo").output == before)
    }

    @Test("host name and domain name are the container's own")
    func names() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "hostname; cat /proc/sys/kernel/domainname").with {
            $0.members["hostname"] = "box"
            $0.members["domainname"] = "example.test"
        }
        let before = try TestBundle.shell("uname -n; cat /proc/sys/kernel/domainname").output
        #expect(try bundle.run(config).lines == ["box", "example.test"])
        #expect(try TestBundle.shell("uname -n; cat /proc/sys/kernel/domainname").output == before)
    }
}
