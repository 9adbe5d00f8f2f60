import LinuxSys
import OCI
import Testing

/// What `swiftlet-oci` keeps of a container, `ROOT/ID/state.json`.
@Suite("a container's file", .enabled(if: Needs.containers, Needs.reason)) struct ContainerFileTests {
    private func waiting(_ edit: (String) -> String = { $0 }) throws -> TestBundle {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sh", "-c", "echo began > /tmp/began; sleep 1000"))
        try bundle.write(edit(bundle.read("config.json")), to: "config.json")
        let made = try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id])
        try #require(made.status == .code(0), "\(made.errors)")
        return bundle
    }

    private func status(_ bundle: TestBundle) throws -> String? {
        try JSON(parsing: Array(bundle.run(["state", bundle.id]).output.utf8))["status"]?.string
    }

    private func directory(_ bundle: TestBundle) -> String { "\(bundle.stateRoot)/\(bundle.id)" }

    @Test("it is one JSON document with config.json as it was, and nothing else is kept once the container is started")
    func document() throws {
        // Lines that begin like those of the file itself.
        let bundle = try waiting {
            $0.replacing(#""ociVersion""#, with: "\"x\":1\n,\"state\":{\"id\":\"other\"}\n,\"configuration\":{}\n,\"ociVersion\"")
        }
        let text = try TestBundle.shell("cat \(directory(bundle))/state.json").output
        let file = try JSON(parsing: Array(text.utf8))
        #expect(try file["configuration"] == JSON(parsing: Array(bundle.read("config.json").utf8)))
        #expect(file["state"]?["id"]?.string == bundle.id)
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        #expect(try TestBundle.shell("ls -A \(directory(bundle))").output == "state.json\n")
        // Of the container's own environment, whatever the bundle says by now.
        try bundle.write("{}", to: "config.json")
        #expect(try bundle.run(["exec", bundle.id, "sh", "-c", "echo $PATH"]).output != "\n")
        #expect(try status(bundle) == "running")
    }

    @Test("a creation that was killed in the midst of its last record is found by its first one, and can be deleted")
    func torn() throws {
        let bundle = try waiting()
        let place = directory(bundle)
        // As the file is before it gets its name, with the second record cut off.
        try TestBundle.shell("head -c -20 \(place)/state.json > \(place)/creating.json && rm \(place)/state.json")
        #expect(try status(bundle) == "stopped")
        #expect(try bundle.run(["delete", bundle.id]).status == .code(0))
        let groups = try TestBundle.shell("find /sys/fs/cgroup -type d -name \(bundle.id)").output
        #expect(groups == "")
        // Gone, or ended and not reaped yet: its parent has ended before it.
        #expect(try TestBundle.shell("grep -hs '^State:.[^Z]' /proc/$(cat \(bundle.directory)/pid)/status").output == "")
    }

    @Test("one that was killed before its first record was whole is no container; by force it goes")
    func begun() throws {
        let bundle = try waiting()
        #expect(try bundle.run(["delete", "-f", bundle.id]).status == .code(0))
        try TestBundle.shell("mkdir -p \(directory(bundle)) && printf '{\"creating\":{\"version\":3,' > \(directory(bundle))/creating.json")
        #expect(try bundle.run(["state", bundle.id]).errors == "swiftlet-oci: state \(bundle.id): container does not exist\n")
        #expect(try bundle.run(["delete", "-f", bundle.id]).status == .code(0))
        #expect(try TestBundle.shell("ls \(bundle.stateRoot)").output == "")
    }
}
