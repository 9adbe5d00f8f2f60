import Glibc
import LinuxSys
import OCI
import Testing

@Suite("propagation between host and container", .enabled(if: Needs.containers, Needs.reason))
struct PropagationTests {
    /// What of a shared volume's new mounts the container sees, and the host of the container's; and the optional fields of the container's mounts.
    private func seen(volume: String, rootfs: String?) throws -> [String] {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig("sleep", "1000").with {
                $0.mounts.append(TestConfig.mount("/v", "none", ["rbind", volume], source: "vol"))
                if let rootfs { $0.linux["rootfsPropagation"] = .string(rootfs) }
            })
        let id = bundle.id
        let result = try bundle.aside(
            """
            mkdir vol; mount -t tmpfs v vol; mount --make-shared vol; mkdir vol/a vol/b
            oci run -d --pid-file pid \(id) < /dev/null > /dev/null
            mount -t tmpfs x vol/a
            oci exec \(id) sh -c 'grep -q " /v/a " /proc/mounts && echo in; true' > seen
            nsenter -t $(cat pid) -m /bin/busybox mount -t tmpfs y /v/b
            ! grep -q "/vol/b " /proc/mounts || echo out >> seen
            oci delete -f \(id); cat seen
            """)
        #expect(result.status == .code(0), "\(result.errors)")
        return result.lines
    }

    @Test(
        "mounts of a volume spread as its option and the rootfs' propagation say",
        arguments: [
            ("rslave", nil, true, false), ("rprivate", nil, false, false), ("rshared", "shared", true, true),
            ("rshared", nil, true, false), ("runbindable", nil, false, false),
        ] as [(String, String?, Bool, Bool)])
    func volume(_ option: String, _ rootfs: String?, _ comesIn: Bool, _ goesOut: Bool) throws {
        let lines = try seen(volume: option, rootfs: rootfs)
        #expect(lines.contains("in") == comesIn && lines.contains("out") == goesOut, "\(lines)")
    }
}

@Suite("propagation of a rootfs", .enabled(if: Needs.containers, Needs.reason))
struct RootfsPropagationTests {
    /// `shared`, `unbindable`, and whether the volume below is also.
    @Test(
        "the rootfs has the propagation that was asked for, and with an r all that is below it",
        arguments: [
            ("shared", ["shared", ""]), ("rshared", ["shared", "shared"]), ("unbindable", ["unbindable", ""]),
            ("runbindable", ["unbindable", "unbindable"]), ("private", ["", ""]), ("rprivate", ["", ""]), ("slave", ["", ""]),
            ("rslave", ["", ""]),
        ])
    func words(_ word: String, _ wanted: [String]) throws {
        let bundle = try TestBundle()
        let config = TestConfig("busybox", "grep", "-E", " / (/|/proc) ", "/proc/self/mountinfo").with {
            $0.mounts.append(TestConfig.mount("/proc", "proc", []))
            $0.linux["rootfsPropagation"] = .string(word)
        }
        try bundle.configure(config)
        // A rootfs that is a mount of its own, shared with the host.
        let result = try bundle.aside(
            """
            mkdir root; mount --bind rootfs rootfs; mount -t tmpfs r root; mount --make-shared root; cp -a rootfs/. root/
            sed -i 's/"rootfs"/"root"/' config.json; oci run \(bundle.id)
            """)
        let found = result.lines.filter { !$0.contains("/proc rw") || $0 == result.lines.last }.map { line in
            line.split(separator: " ").dropFirst(6).prefix { $0 != "-" }.map { $0.split(separator: ":")[0] }.first { $0 != "master" } ?? ""
        }
        #expect([found.first, found.last] == wanted.map { Substring($0) }, "\(result.output)\(result.errors)")
    }
}
