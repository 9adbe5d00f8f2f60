import Glibc
import LinuxSys
import OCI
import Synchronization
import Testing

@testable import Executor

/// security.md, the rows on mounts, masks, consoles, links and procfs: each plays the attack.
@Suite("attacks on mounts", .enabled(if: Needs.containers, Needs.reason))
struct MountAttackTests {
    /// Swaps two names for each other on a thread until it is let go (renameat2(2), RENAME_EXCHANGE, as mv cannot).
    private final class Swapper {
        private let ended = Atomic<Bool>(false)
        private let directory: String
        private var thread = pthread_t()

        init(_ directory: String) throws {
            self.directory = directory
            let argument = unsafe Unmanaged.passUnretained(self).toOpaque()
            let made = unsafe pthread_create(
                &thread, nil,
                { argument in
                    unsafe Unmanaged<Swapper>.fromOpaque(argument!).takeUnretainedValue().work()
                    return nil
                }, argument)
            try #require(made == 0)
        }

        private func work() {
            // a directory, then a link in its place, then the directory again
            while !ended.load(ordering: .relaxed) {
                _ = unsafe rename("\(directory)/target", "\(directory)/kept")
                _ = unsafe symlink("/outside", "\(directory)/target")
                _ = unsafe unlink("\(directory)/target")
                _ = unsafe symlink("../../outside", "\(directory)/target")
                _ = unsafe unlink("\(directory)/target")
                _ = unsafe rename("\(directory)/kept", "\(directory)/target")
            }
        }

        func end() {
            ended.store(true, ordering: .relaxed)
            pthread_join(thread, nil)
        }
    }

    @Test("a target that is swapped for a link while it is looked up and made never leads out of the root (CVE-2021-30465, CVE-2024-45310)")
    func swappedTarget() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("cd \(bundle.directory); mkdir -p outside rootfs/volume/target")
        let here = try FD.open("/proc/self/fd", openPathOnly | O_DIRECTORY)
        let root = RootDirectory(try FD.open(bundle.rootfs, openPathOnly | O_DIRECTORY))
        let swapper = try Swapper("\(bundle.rootfs)/volume")
        defer { swapper.end() }
        var found = 0
        for round in 0..<2000 {
            let path = "/volume/target/new\(round % 7)"
            do throws(SysError) {
                let place = round.isMultiple(of: 2) ? try root.makeDirectory("\(path)/d") : try root.makeFile("\(path)/d/f")
                let name = try here.readLink("\(place.raw)")
                #expect(name.hasPrefix("\(bundle.rootfs)/"), "\(name)")
                found += 1
            } catch {
                // Lost to a change of the moment, which is fine: it was refused.
                #expect([ENOENT, ENOTDIR, ELOOP, EEXIST, EXDEV, EISDIR].contains(error.errno), "\(error)")
            }
        }
        #expect(found > 0)
        #expect(try TestBundle.shell("ls \(bundle.directory)/outside").output == "")
    }

    @Test("containers that start while their mount targets are swapped leave nothing outside (CVE-2021-30465)")
    func swappedVolume() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("cd \(bundle.directory); mkdir -p outside rootfs/volume/target")
        let config = TestConfig("true").with {
            $0.mounts.append(TestConfig.mount("/volume/target/deep/er", "tmpfs", []))
            $0.linux["maskedPaths"] = ["/volume/target"]
            $0.linux["readonlyPaths"] = ["/volume/target"]
        }
        try bundle.configure(config)
        let swapper = try Swapper("\(bundle.rootfs)/volume")
        defer { swapper.end() }
        for _ in 0..<12 { _ = try bundle.run(["run", bundle.id]) }
        #expect(try TestBundle.shell("ls \(bundle.directory)/outside").output == "")
        #expect(bundle.leftovers == [])
    }

    @Test("links of the image do not lead a mount into /proc (CVE-2019-16884, CVE-2023-28642)")
    func linkIntoProc() throws {
        let bundle = try TestBundle()
        _ = unsafe symlink("/proc/self", "\(bundle.rootfs)/me")
        for (place, type) in [("/me/attr", "tmpfs"), ("/me", "tmpfs"), ("/me/attr/exec", "bind")] {
            let result = try bundle.run(
                TestConfig("true").with { $0.mounts.append(TestConfig.mount(place, type, [], source: "/etc/hostname")) })
            #expect(result.status == .code(1), "\(place)")
            #expect(bundle.leftovers == [])
        }
    }

    @Test("over /proc itself only a procfs is mounted")
    func overProc() throws {
        let bundle = try TestBundle()
        let fake = try bundle.run(
            TestConfig("true").with { $0.mounts.append(TestConfig.mount("/proc", "none", ["rbind"], source: bundle.directory)) })
        #expect(fake.errors == "swiftlet-oci: mount /proc can only be a procfs: operation not permitted (EPERM)\n")
        let real = TestConfig("true").with { $0.mounts[0] = TestConfig.mount("/proc", "none", ["rbind"], source: "/proc") }
        #expect(try bundle.run(real).status == .code(0))
    }

    @Test(
        "a masked path is not covered by what an image calls /dev/null (CVE-2025-31133)",
        arguments: ["echo evil > null", "ln -s /etc/passwd null", "mknod null c 1 5"])
    func falseNull(_ make: String) throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir \(bundle.directory)/devices; cd \(bundle.directory)/devices; \(make)")
        let config = TestConfig("cat", "/etc/passwd").with {
            $0.mounts.removeSubrange(1...2)
            $0.mounts.append(TestConfig.mount("/dev", "none", ["rbind"], source: "devices"))
            $0.linux["maskedPaths"] = ["/etc/passwd"]
        }
        let result = try bundle.run(config)
        #expect(result.status == .code(1) && result.output == "", "\(result.output)")
        #expect(result.errors.contains("/dev/null") || result.errors.contains("dev/null"), "\(result.errors)")
        #expect(bundle.leftovers == [])
    }

    @Test("a console is not opened or bound through what an image put at /dev/console or /dev/pts (CVE-2025-52565)")
    func falseConsole() throws {
        let listen = { (bundle: TestBundle) in try FD.listen(at: "\(bundle.directory)/console") }
        let linked = try TestBundle()
        try TestBundle.shell("cd \(linked.rootfs)/dev; ln -s /etc/passwd console")
        var config = TestConfig("true").with { $0.process["terminal"] = true }
        config.mounts.remove(at: 1)
        try linked.configure(config)
        let first = try listen(linked)
        let link = try linked.run(["create", "--console-socket", "\(linked.directory)/console", linked.id])
        #expect(link.status == .code(1) && link.errors.contains("console"), "\(link.errors)")
        _ = consume first

        let planted = try TestBundle()
        try TestBundle.shell("cd \(planted.rootfs)/dev; mkdir pts; mknod pts/ptmx c 5 2")
        config = TestConfig("true").with { $0.process["terminal"] = true }
        config.mounts.removeSubrange(1...2)
        try planted.configure(config)
        let second = try listen(planted)
        let result = try planted.run(["create", "--console-socket", "\(planted.directory)/console", planted.id])
        #expect(result.status == .code(1) && result.errors.contains("dev/pts/ptmx"), "\(result.errors)")
        _ = consume second
        #expect(linked.leftovers == [] && planted.leftovers == [])
    }

    @Test("kernel parameters are not written into what somebody mounted over /proc/sys (CVE-2025-52881)")
    func coveredProc() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("true").with { $0.linux["sysctl"] = ["net.ipv4.ip_forward": "1"] })
        let covered = try bundle.aside(
            "mount -t tmpfs x /proc/sys; mkdir -p /proc/sys/net/ipv4; echo 0 > /proc/sys/net/ipv4/ip_forward; oci run \(bundle.id) || true; cat /proc/sys/net/ipv4/ip_forward"
        )
        #expect(covered.lines == ["0"])
        #expect(covered.errors == "swiftlet-oci: sysctl net.ipv4.ip_forward=1: invalid cross-device link (EXDEV)\n")
        #expect(bundle.leftovers == [])
    }

    @Test("a working directory that leads through a link to a descriptor is refused (CVE-2024-21626)", arguments: 3...9)
    func workingDirectory(_ number: Int) throws {
        let bundle = try TestBundle()
        _ = unsafe symlink("/proc/self/fd/\(number)", "\(bundle.rootfs)/cwd")
        let result = try bundle.run(TestConfig("pwd").with { $0.process["cwd"] = "/cwd" })
        #expect(result.status == .code(1) && result.output == "", "\(result.output)")
        #expect(result.errors.hasPrefix("swiftlet-oci: chdir /cwd: "), "\(result.errors)")
    }

    @Test("a copy-up follows no link of the image")
    func copyUp() throws {
        let bundle = try TestBundle()
        try bundle.write("secret", to: "secret")
        try TestBundle.shell(
            "cd \(bundle.rootfs); mkdir -p data; ln -s \(bundle.directory) data/up; ln -s \(bundle.directory)/secret data/file")
        let config = TestConfig(script: "busybox find /data -type f; cat /data/file 2>/dev/null || true").with {
            $0.mounts.append(TestConfig.mount("/data", "tmpfs", ["tmpcopyup"]))
        }
        #expect(try bundle.run(config).output == "")
    }
}
