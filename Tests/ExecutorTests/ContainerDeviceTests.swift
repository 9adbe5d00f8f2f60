import Glibc
import LinuxSys
import OCI
import Testing

@Suite("devices of a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerDeviceTests {
    private func device(_ type: String, _ path: String, _ major: Int64 = 0, _ minor: Int64 = 0) -> JSON {
        ["type": .string(type), "path": .string(path), "major": .integer(major), "minor": .integer(minor)]
    }

    @Test("every type of device is made, also outside /dev, with its mode and owner; the umask of the caller does not count")
    func types() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "stat -c '%F %t %T %a %u %g' /dev/c /dev/u /dev/b /opt/nodes/p").with {
            $0.linux["devices"] = [
                device("c", "/dev/c", 1, 3), device("u", "/dev/u", 1, 5),
                ["type": "b", "path": "/dev/b", "major": 7, "minor": 300, "fileMode": 0o640, "uid": 12, "gid": 13],
                ["type": "p", "path": "/opt/nodes/p", "fileMode": 0o622, "gid": 5],
            ]
        }
        #expect(
            try bundle.run(config).lines == [
                "character special file 1 3 666 0 0", "character special file 1 5 666 0 0", "block special file 7 12c 640 12 13",
                "fifo 0 0 622 0 5",
            ])
    }

    @Test("a device that is there already may stay; anything else in its place is an error")
    func existing() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "stat -c '%t %T' /dev/null /opt/zero").with {
            $0.mounts.removeSubrange(1...2)
            $0.linux["devices"] = [device("c", "/opt/zero", 1, 5)]
        }
        try TestBundle.shell("cd \(bundle.rootfs); mkdir opt; mknod dev/null c 1 3; mknod opt/zero c 1 5")
        #expect(try bundle.run(config).lines == ["1 3", "1 5"])
        for (make, what) in [
            ("mknod opt/zero c 1 9", "character device 1:9"), ("mknod opt/zero b 1 5", "block device 1:5"), ("touch opt/zero", "a file"),
            ("ln -s /dev/zero opt/zero", "a link"), ("mkdir opt/zero", "a directory"), ("mkfifo opt/zero", "a fifo"),
        ] {
            try TestBundle.shell("cd \(bundle.rootfs); rm -rf opt/zero; \(make)")
            #expect(try bundle.run(config).errors == "swiftlet-oci: mknod /opt/zero (\(what) is there): file exists (EEXIST)\n")
            #expect(bundle.leftovers == [])
        }
    }

    @Test("in a user namespace the host's device is bound, if it is the one that was asked for; a fifo is made")
    func boundDevices() throws {
        let bundle = try TestBundle()
        try bundle.giveAway()
        let config = TestConfig(script: "stat -c '%F %t %T' /dev/fuse /dev/p; echo x > /dev/null && echo works").namespaces(
            "mount", "pid", "network", "user")
        func asking(_ devices: JSON...) -> TestConfig { config.with { $0.linux["devices"] = .array(devices) } }
        try TestBundle.shell("test -c /dev/fuse || mknod /dev/fuse c 10 229")
        let result = try bundle.run(asking(device("c", "/dev/fuse", 10, 229), device("p", "/dev/p")))
        #expect(result.lines == ["character special file a e5", "fifo 0 0", "works"], "\(result.errors)")
        #expect(
            try bundle.run(asking(device("c", "/dev/fuse", 10, 230))).errors
                == "swiftlet-oci: mknod /dev/fuse (character device 10:229 is there): file exists (EEXIST)\n")
    }

    @Test("a /dev that is bound from the host gets neither nodes nor links; devices elsewhere are made all the same")
    func boundDev() throws {
        let bundle = try TestBundle()
        let config = TestConfig(script: "ls /dev; stat -c '%t %T' /opt/full").with {
            $0.mounts.removeSubrange(1...2)
            $0.mounts.append(TestConfig.mount("/dev", "none", ["rbind"], source: "devices"))
            $0.linux["devices"] = [device("c", "/opt/full", 1, 7), device("c", "/dev/new", 1, 7)]
        }
        try TestBundle.shell("mkdir \(bundle.directory)/devices; mknod \(bundle.directory)/devices/null c 1 3")
        #expect(try bundle.run(config).lines == ["null", "1 7"])
        #expect(try TestBundle.shell("ls \(bundle.directory)/devices").lines == ["null"])
    }

    @Test("links of the image in /dev stay, but for ptmx, which never is the host's")
    func devLinks() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("cd \(bundle.rootfs)/dev; ln -s /etc fd; ln -s /dev/pts/9 ptmx")
        let config = TestConfig(script: "for n in fd ptmx stdin; do readlink /dev/$n; done").with {
            $0.mounts.remove(at: 1)
        }
        #expect(try bundle.run(config).lines == ["/etc", "pts/ptmx", "/proc/self/fd/0"])
    }
}

@Suite(
    "network devices of a real container", .enabled(if: Needs.containers, Needs.reason),
    .enabled(if: Needs.pairedDevices, Needs.noPairedDevices))
struct NetDeviceTests {
    /// As on a host of its own, with pairs of devices that nobody else sees.
    private func onHost(_ bundle: TestBundle, _ script: String) throws -> TestBundle.Outcome {
        try bundle.write(
            """
            set -e; oci() { \(TestBundle.program) --root \(bundle.stateRoot) "$@"; }; cd \(bundle.directory)
            for n in 0 1 2; do ip link add d$n type veth peer name p$n; done
            \(script)

            """, to: "script")
        return try TestBundle.shell("exec unshare -n sh \(bundle.directory)/script")
    }

    @Test("a device moves by name, is up, and keeps its properties and its permanent global addresses")
    func move() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig(script: "ip -o addr show dev net0; ip -o link show dev net0; ip -o link show dev d1").with {
                $0.linux["netDevices"] = ["d0": ["name": "net0"], "d1": [:]]
            })
        let result = try onHost(
            bundle,
            """
            ip link set d0 mtu 1400 address 02:00:00:00:00:07; ip link set p0 up; ip link set d0 up
            ip addr add 10.9.0.1/24 brd + dev d0; ip addr add fd00:9::1/64 dev d0 nodad
            ip addr add 169.254.3.3/16 scope link dev d0; ip addr add 10.9.1.1/24 dev d0 valid_lft 1000 preferred_lft 1000
            oci run \(bundle.id); ip -o link show d0 2>/dev/null || echo gone
            """)
        #expect(result.errors == "")
        let text = result.output
        #expect(
            text.contains("inet 10.9.0.1/24 brd 10.9.0.255 scope global net0") && text.contains("inet6 fd00:9::1/64 scope global"),
            "\(text)")
        #expect(!text.contains("169.254.3.3") && !text.contains("10.9.1.1"), "\(text)")
        #expect(text.contains("mtu 1400") && text.contains("02:00:00:00:00:07") && text.contains("UP"), "\(text)")
        #expect(result.lines.last == "gone" && result.lines.contains { $0.contains(": d1@") && $0.contains(",UP") }, "\(text)")
    }

    @Test("a template for the name lets the kernel find the number")
    func template() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig(script: "ls /sys/class/net").with {
                $0.linux["netDevices"] = ["d0": ["name": "net%d"], "d1": ["name": "net%d"]]
            })
        #expect(try onHost(bundle, "oci run \(bundle.id)").lines == ["lo", "net0", "net1"])
    }

    @Test("a name that is taken in the container, and a device that is not there, are errors; the device stays as it was")
    func conflicts() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("true").with { $0.linux["netDevices"] = ["d2": ["name": "lo"]] })
        let taken = try onHost(bundle, "ip link set d2 up; oci run \(bundle.id) || true; ip -o link show d2 | grep -c ',UP'")
        #expect(taken.errors == "swiftlet-oci: move network device d2 as lo: file exists (EEXIST)\n" && taken.lines == ["1"])
        try bundle.configure(TestConfig("true").with { $0.linux["netDevices"] = ["nope": [:]] })
        #expect(try onHost(bundle, "oci run \(bundle.id)").errors == "swiftlet-oci: move network device nope: no such device (ENODEV)\n")
        #expect(bundle.leftovers == [])
    }
}
