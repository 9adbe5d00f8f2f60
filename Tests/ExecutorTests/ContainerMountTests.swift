import Glibc
import LinuxSys
import OCI
import Testing

@Suite("mounts of a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerMountTests {
    private static func add(_ mounts: JSON..., to config: TestConfig) -> TestConfig { config.with { $0.mounts += mounts } }

    @Test("a tmpfs that copies up begins with what it covers, links as links, owners and modes kept; the image keeps its own")
    func copyUp() throws {
        let bundle = try TestBundle()
        try TestBundle.shell(
            """
            cd \(bundle.rootfs) && mkdir -p data/sub && echo a > data/sub/f && ln -s /etc/shadow data/l && mkfifo data/p
            chown -h 7:8 data data/l && chmod 1770 data && chmod 4711 data/sub/f && touch -d @1000 data/sub/f
            """)
        let script = """
            stat -c '%n %F %a %u %g' /data /data/sub /data/sub/f /data/l /data/p; stat -c %Y /data/sub/f; readlink /data/l; cat /data/sub/f
            echo x > /data/new
            """
        let config = Self.add(TestConfig.mount("/data", "tmpfs", ["tmpcopyup", "size=1m"]), to: TestConfig(script: script))
        let result = try bundle.run(config)
        #expect(
            result.lines == [
                "/data directory 1770 7 8", "/data/sub directory 755 0 0", "/data/sub/f regular file 4711 0 0",
                "/data/l symbolic link 777 7 8", "/data/p fifo 644 0 0", "1000", "/etc/shadow", "a",
            ], "\(result.errors)")
        #expect(try TestBundle.shell("ls \(bundle.rootfs)/data").lines == ["l", "p", "sub"])
    }

    @Test("a tmpfs is as open as the directory that it covers, if its options do not say")
    func modeOfTmpfs() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir -m 1733 \(bundle.rootfs)/a \(bundle.rootfs)/b")
        let config = Self.add(
            TestConfig.mount("/a", "tmpfs", []), TestConfig.mount("/b", "tmpfs", ["mode=0700"]),
            to: TestConfig(script: "stat -c %a /a /b"))
        #expect(try bundle.run(config).lines == ["1733", "700"])
    }

    @Test(
        "an id-mapped mount shows owners as its own mappings say, below also with ridmap, and not below with idmap",
        .enabled(if: Needs.mappedMounts, Needs.noMappedMounts),
        arguments: ["idmap", "ridmap"])
    func idMap(_ option: String) throws {
        let bundle = try TestBundle()
        let map: (Int) -> JSON = { [["containerID": 5, "hostID": .integer(Int64($0)), "size": 1]] }
        let config = TestConfig(script: "stat -c %u:%g /d/f /d/sub/f; touch /d/mine 2>/dev/null || echo unmapped").with {
            $0.mounts.append([
                "destination": "/d", "type": "none", "source": "src", "options": ["rbind", .string(option)], "uidMappings": map(1000),
                "gidMappings": map(2000),
            ])
        }
        try bundle.configure(config)
        let result = try bundle.aside(
            """
            mkdir -p src/sub && mount -t tmpfs x src/sub && touch src/f src/sub/f && chown 5:5 src/f src/sub/f
            oci run \(bundle.id)
            """)
        #expect(result.lines == ["1000:2000", option == "idmap" ? "5:5" : "1000:2000", "unmapped"], "\(result.errors)")
    }

    @Test(
        "an id-mapped mount without mappings follows the container's user namespace, new or joined",
        .enabled(if: Needs.mappedMounts, Needs.noMappedMounts))
    func idMapOfContainer() throws {
        let bundle = try TestBundle()
        try bundle.giveAway()
        try TestBundle.shell("mkdir \(bundle.directory)/src && touch \(bundle.directory)/src/f")
        let mount = TestConfig.mount("/d", "none", ["bind", "idmap"], source: "src")
        let config = Self.add(mount, to: TestConfig(script: "stat -c %u /d/f; touch /d/new").namespaces("mount", "pid", "network", "user"))
        let result = try bundle.run(config)
        #expect(result.lines == ["0"] && result.status == .code(0), "\(result.errors)")
        #expect(try TestBundle.shell("stat -c %u \(bundle.directory)/src/new").lines == ["0"])

        try bundle.configure(
            Self.add(mount, to: TestConfig(script: "stat -c %u /d/f")).with {
                $0.linux["namespaces"] = [
                    ["type": "mount"], ["type": "pid"], ["type": "network"], ["type": "user", "path": "/proc/PID/ns/user"],
                ]
            })
        let joined = try bundle.aside(
            """
            mkfifo ready
            unshare -U sh -c 'echo x > ready; exec sleep 1000' & holder=$!
            read x < ready; echo 0 100000 65536 > /proc/$holder/uid_map; echo 0 100000 65536 > /proc/$holder/gid_map
            sed -i s/PID/$holder/ config.json; oci run \(bundle.id) || true; kill $holder
            """)
        #expect(joined.lines == ["0"], "\(joined.errors)")
    }

    @Test("a file system that cannot be id-mapped is named with the mount")
    func noIDMap() throws {
        let bundle = try TestBundle()
        let mount = TestConfig.mount("/d", "none", ["rbind", "idmap"], source: "/proc/sys")
        let result = try bundle.run(Self.add(mount, to: TestConfig("true").namespaces("mount", "user")))
        #expect(
            result.errors == "swiftlet-oci: id-map mount /d from /proc/sys (its file system may not know how): invalid argument (EINVAL)\n")
        #expect(bundle.leftovers == [])
    }

    @Test("recursive options reach the mounts below a bind mount, plain ones do not")
    func recursiveOptions() throws {
        let bundle = try TestBundle()
        let script = "grep ' /[pr]\\(/sub\\)\\? ' /proc/self/mountinfo | busybox cut -d' ' -f 5,6"
        try bundle.configure(
            Self.add(
                TestConfig.mount("/p", "none", ["rbind", "ro", "nosuid"], source: "src"),
                TestConfig.mount(
                    "/r", "none", ["rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime", "rnosymfollow"], source: "src"
                ),
                to: TestConfig(script: script)))
        let result = try bundle.aside(
            "mkdir -p src/sub; mount -t tmpfs x src; mkdir src/sub; mount -t tmpfs y src/sub; oci run \(bundle.id)")
        let all = "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"
        #expect(result.lines == ["/p ro,nosuid,relatime", "/p/sub rw,relatime", "/r \(all)", "/r/sub \(all)"], "\(result.errors)")
    }

    @Test("the opposite of a recursive option takes it away again")
    func recursiveOpposites() throws {
        let bundle = try TestBundle()
        let words: [JSON] = ["rrw", "rsuid", "rdev", "rexec", "rstrictatime", "rdiratime", "rsymfollow"]
        try bundle.configure(
            TestConfig("busybox", "grep", " /d\\(/sub\\)\\? ", "/proc/self/mountinfo").with {
                $0.mounts.append(["destination": "/d", "type": "none", "source": "src", "options": .array(["rbind"] + words)])
            })
        let hard = "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"
        let result = try bundle.aside(
            """
            mkdir -p src; mount -t tmpfs x src; mkdir src/sub; mount -t tmpfs y src/sub
            mount -o remount,bind,\(hard) src/sub; mount -o remount,bind,\(hard) src; oci run \(bundle.id)
            """)
        #expect(result.lines.map { $0.split(separator: " ")[5] } == ["rw", "rw"], "\(result.output)\(result.errors)")
    }

    @Test("options that every file system has arrive in the kernel's table")
    func commonOptions() throws {
        let bundle = try TestBundle()
        let options = ["sync", "dirsync", "lazytime", "mand", "iversion", "silent", "nosymfollow", "strictatime", "nodiratime", "size=64k"]
        let config = Self.add(TestConfig.mount("/d", "tmpfs", options), to: TestConfig("grep", " /d ", "/proc/self/mountinfo"))
        let line = try #require(bundle.run(config).lines.first)
        #expect(line.contains(" rw,nodiratime,nosymfollow "), "\(line)")
        #expect(line.hasSuffix("rw,sync,dirsync,mand,lazytime,size=64k,mode=755"), "\(line)")
    }

    @Test("remount changes the file system that is there, and with bind the mount alone")
    func remount() throws {
        let bundle = try TestBundle()
        let config = Self.add(
            TestConfig.mount("/d", "tmpfs", ["size=64k"]), TestConfig.mount("/d", "tmpfs", ["remount", "ro", "noexec", "size=128k"]),
            TestConfig.mount("/proc", "none", ["remount", "bind", "nosuid", "nodev"]),
            to: TestConfig("busybox", "grep", "-E", " /(d|proc) ", "/proc/self/mountinfo"))
        let result = try bundle.run(config)
        #expect(result.lines.count == 2, "\(result.errors)")
        #expect(result.lines.first?.contains(" rw,nosuid,nodev,relatime - proc") == true)
        #expect(result.lines.last?.contains(" ro,noexec,relatime - tmpfs tmpfs ro,size=128k") == true)
        let nothing = try bundle.run(Self.add(TestConfig.mount("/etc", "none", ["remount", "bind", "ro"]), to: TestConfig("true")))
        #expect(nothing.errors == "swiftlet-oci: remount /etc: invalid argument (EINVAL)\n")
    }

    @Test("a relative destination counts from the root")
    func relativeDestination() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(
            Self.add(TestConfig.mount("var/run", "tmpfs", []), to: TestConfig("grep", "-c", " /var/run tmpfs ", "/proc/mounts")))
        #expect(result.lines == ["1"])
    }

    @Test("procfs, mqueue, devpts and sysfs take their options; a tmpfs that is read-only holds mounts in it")
    func kernelFileSystems() throws {
        let bundle = try TestBundle()
        let config = TestConfig(
            script: "cat /proc/self/mounts; ls /proc | grep -c cpuinfo; cat /run/in/a; touch /run/x 2>/dev/null || echo sealed"
        ).with {
            $0.mounts[0] = TestConfig.mount("/proc", "proc", ["hidepid=2", "subset=pid"])
            $0.mounts.append(TestConfig.mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]))
            $0.mounts.append(TestConfig.mount("/run", "tmpfs", ["ro", "mode=700"]))
            $0.mounts.append(TestConfig.mount("/run/in", "bind", ["bind"], source: "src"))
        }
        try TestBundle.shell("mkdir \(bundle.directory)/src; echo content > \(bundle.directory)/src/a")
        let result = try bundle.run(config)
        for line in [
            "proc /proc proc rw,relatime,hidepid=invisible,subset=pid 0 0", "mqueue /dev/mqueue mqueue rw,nosuid,nodev,noexec,relatime 0 0",
            "devpts /dev/pts devpts rw,nosuid,noexec,relatime,mode=620,ptmxmode=666 0 0",
            "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0",
            "tmpfs /run tmpfs ro,relatime,mode=700 0 0",
        ] { #expect(result.lines.contains(line), "\(result.output)\(result.errors)") }
        #expect(result.lines.suffix(3) == ["0", "content", "sealed"], "\(result.output)")
    }

    @Test("sysfs in a user namespace without its own network is refused, with the way out")
    func sysfs() throws {
        let bundle = try TestBundle()
        try bundle.giveAway()
        let result = try bundle.run(TestConfig("true").namespaces("mount", "pid", "user"))
        #expect(
            result.errors == "swiftlet-oci: mount sysfs /sys (in a user namespace it needs a network namespace of its own; "
                + "the host's /sys can be bound): operation not permitted (EPERM)\n")
    }

    @Test("an overlay among the mounts, with its layers as options", .enabled(if: Needs.overlay, Needs.noOverlay))
    func overlay() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("cd \(bundle.directory) && mkdir -p a b up work && echo a > a/f && echo b > b/f && echo only > b/g")
        let base = bundle.directory
        let options = ["lowerdir=\(base)/a:\(base)/b", "upperdir=\(base)/up", "workdir=\(base)/work", "nodev"]
        let config = Self.add(
            TestConfig.mount("/o", "overlay", options),
            to: TestConfig(script: "cat /o/f /o/g; echo new > /o/h; grep -c '/o overlay rw,nodev' /proc/mounts"))
        let result = try bundle.run(config)
        #expect(result.lines == ["a", "only", "1"], "\(result.errors)")
        #expect(try bundle.read("up/h") == "new\n")
    }

    @Test("flags that a user namespace cannot clear stay when others are set; asking for their end is an error")
    func lockedFlags() throws {
        for (option, flags) in [("ro", "ro,nosuid,nodev,noexec,relatime"), ("noexec", "rw,nosuid,nodev,noexec,relatime"), ("dev", nil)] {
            let bundle = try TestBundle()
            try bundle.giveAway()
            try bundle.configure(
                Self.add(TestConfig.mount("/d", "none", ["bind", option], source: "src"), to: TestConfig("grep", " /d ", "/proc/mounts"))
                    .with {
                        $0.mounts.remove(at: 3)
                        $0.linux["namespaces"] = [
                            ["type": "pid"], ["type": "mount", "path": "/proc/PID/ns/mnt"], ["type": "user", "path": "/proc/PID/ns/user"],
                        ]
                    })
            let result = try bundle.aside(
                """
                mkdir src; mount -t tmpfs -o nosuid,nodev,noexec x src; mkfifo ready
                unshare -U -m sh -c 'echo x > ready; exec sleep 1000' & holder=$!
                read x < ready; echo 0 100000 65536 > /proc/$holder/uid_map; echo 0 100000 65536 > /proc/$holder/gid_map
                sed -i s/PID/$holder/g config.json; oci run \(bundle.id) || true; kill $holder
                """)
            if let flags {
                #expect(
                    result.lines.first?.hasPrefix("x /d tmpfs \(flags),") == true
                        || result.lines.first?.hasPrefix("x /d tmpfs \(flags) ") == true, "\(option): \(result.output)\(result.errors)")
            } else {
                #expect(result.errors == "swiftlet-oci: mount_setattr /d: operation not permitted (EPERM)\n")
            }
        }
    }

    @Test("without pivot_root the rootfs is moved over the root, and no other procfs or sysfs is left behind it")
    func noPivot() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig(script: "ls / | head -1; grep -c ' - proc \\| - sysfs ' /proc/self/mountinfo; cd ../../..; pwd"))
        let result = try bundle.run(["run", "--no-pivot", bundle.id])
        #expect(result.lines == ["bin", "2", "/"], "\(result.errors)")
    }
}

@Suite("mount labels", .enabled(if: Needs.containers, Needs.reason))
struct MountLabelTests {
    private static let hasSELinux =
        (try? TestBundle.shell("grep -q selinuxfs /proc/filesystems").status == .code(0)) == true

    @Test("a mount label is refused by its field where the kernel has no SELinux; an empty one asks for nothing", .enabled(if: !hasSELinux))
    func refused() throws {
        let bundle = try TestBundle()
        let label = "system_u:object_r:container_file_t:s0:c1,c2"
        let result = try bundle.run(TestConfig("true").with { $0.linux["mountLabel"] = .string(label) })
        #expect(result.errors == "swiftlet-oci: config.json linux.mountLabel: the kernel has no SELinux\n")
        #expect(bundle.leftovers == [])
        #expect(try bundle.run(TestConfig("true").with { $0.linux["mountLabel"] = "" }).status == .code(0))
    }
}
