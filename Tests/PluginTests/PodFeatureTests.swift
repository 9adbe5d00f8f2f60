import Foundation
import LinuxSys
import Messages
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

extension NodeTests {
    static func mapped(_ config: inout Runtime_V1_PodSandboxConfig) {
        config.linux.securityContext.namespaceOptions.pid = .container
        config.linux.securityContext.namespaceOptions.usernsOptions = SandboxPlanTests.users(length: 65_536)
    }

    @Test("in a pod with a user namespace root is nobody on the node, and owns its image and what is mounted for it") func users()
        async throws
    {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod {
                Self.mapped(&$0)
                $0.linux.sysctls = ["net.ipv4.ip_unprivileged_port_start": "81"]
            }
            let shared = node.directory + "/shared"
            try FileManager.default.createDirectory(atPath: shared, withIntermediateDirectories: false)
            let script = """
                id -u; cat /proc/self/uid_map | (read a b c; echo $a $b $c); [ -O /etc/passwd ] && echo owns; echo x > /written && [ -O /written ] && echo wrote
                echo y > /data/file && [ -O /data/file ] && echo mapped; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo z > /dev/shm/z && echo shm
                """
            let id = try await client.create("c", in: pod, ["sh", "-c", script]) {
                $0.mounts = [ContainerPlanTests.mount(shared, "/data")]
                $0.mounts[0].uidMappings = SandboxPlanTests.users(length: 65_536).uids
                $0.mounts[0].gidMappings = SandboxPlanTests.users(length: 65_536).gids
            }
            try await client.start(id)
            #expect(try await client.ended(id).exitCode == 0)
            let lines = try client.log("c").split(separator: "\n").map {
                $0.split(separator: " ", maxSplits: 3).last.map(String.init) ?? ""
            }
            #expect(lines == ["0", "0 1048576 65536", "owns", "wrote", "mapped", "81", "shm"])
            let owners = ["\(shared)/file", "\(node.directory)/root/overlay/containers/\(id)/diff/written"].map { path in
                (try? FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? Int) ?? -1
            }
            #expect(owners == [0, 1 << 20], "a mapped mount stores the node's ids, the container's own files its own")
            let sleeper = try await client.run("s", in: pod, ["sleep", "1000"])
            #expect(try await client.exec(sleeper, ["id", "-u"]).out == "0\n")
            try await client.removePod(pod)
        }
    }

    @Test(
        "the layers of an image volume are one tree, told to the kernel one by one or in one option",
        arguments: ImageVolumes.LayerOptions.allCases)
    func volumeLayers(_ options: ImageVolumes.LayerOptions) throws {
        let files = FileManager.default
        let top = NSTemporaryDirectory() + "swl-layers-\(UUID())"
        defer { try? files.removeItem(atPath: top) }
        for layer in ["0", "1", "root"] { try files.createDirectory(atPath: "\(top)/\(layer)", withIntermediateDirectories: true) }
        #expect(files.createFile(atPath: top + "/0/of", contents: Data("upper".utf8)))
        #expect(files.createFile(atPath: top + "/1/of", contents: Data("lower".utf8)))
        #expect(files.createFile(atPath: top + "/1/below", contents: Data("x".utf8)))
        try ImageVolumes.mountOverlay(of: [top + "/0", top + "/1"], at: top + "/root", options)
        defer { try? unmountIfMounted(top + "/root") }
        #expect(files.contents(atPath: top + "/root/of") == Data("upper".utf8) && files.fileExists(atPath: top + "/root/below"))
        #expect(!files.createFile(atPath: top + "/root/new", contents: nil))
    }

    @Test("containers of a pod with its own processes see each other below one first process, also after a restart; without it they end")
    func processes() async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod { $0.linux.securityContext.namespaceOptions.pid = .pod }
        let change: (inout Runtime_V1_ContainerConfig) -> Void = { $0.linux.securityContext.namespaceOptions.pid = .pod }
        let one = try await before.create("one", in: pod, ["sleep", "1111"], change)
        try await before.start(one)
        let two = try await before.create("two", in: pod, ["sleep", "2222"], change)
        try await before.start(two)
        let seen = try await before.exec(
            one,
            ["sh", "-c", "cat /proc/1/comm; for f in /proc/[0-9]*/cmdline; do tail -c 5 $f; echo; done | grep -a -c -E '[1]111|[2]222'"])
        #expect(seen.out == "swiftlet-pod\n2\n", "\(seen)")
        await before.close()
        await first.stop()
        let (second, after) = try await node.start()
        do {
            #expect(try await after.pod(pod).state == .sandboxReady)
            let number = try String(contentsOfFile: "\(node.settings.state)/pods/\(pod)/holder", encoding: .utf8)
            let holder = try #require(Int32(number))
            kill(holder, SIGKILL)
            #expect(try await after.ended(one).exitCode == 137)
            #expect(try await after.ended(two).exitCode == 137)
            let late = await #expect(throws: Status.self) { try await after.create("three", in: pod, ["sleep", "1"], change) }
            #expect(late?.code == .failedPrecondition)
            #expect(try await after.pod(pod).state == .sandboxNotready)
        } catch { Issue.record(error) }
        try await after.removePod(pod)
        #expect(try await node.lastingLeftovers() == [])
        await after.close()
        await second.stop()
    }

    @Test("groups by policy, ambient capabilities, users by name; and the status tells who the program is") func identities() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let script = "id -u; id -G; grep CapAmb /proc/self/status"
            let merged = try await client.create("merged", in: pod, ["sh", "-c", script]) {
                $0.linux.securityContext.runAsUsername = "web"
                $0.linux.securityContext.supplementalGroups = [9]
                $0.linux.securityContext.capabilities.addAmbientCapabilities = ["NET_ADMIN"]
            }
            let strict = try await client.create("strict", in: pod, ["sh", "-c", script]) {
                $0.linux.securityContext.runAsUsername = "web"
                $0.linux.securityContext.supplementalGroups = [9]
                $0.linux.securityContext.supplementalGroupsPolicy = .strict
            }
            for id in [merged, strict] {
                try await client.start(id)
                #expect(try await client.ended(id).exitCode == 0)
            }
            func lines(_ name: String) throws -> [String] {
                try client.log(name).split(separator: "\n").map { $0.split(separator: " ", maxSplits: 3).last.map(String.init) ?? "" }
            }
            #expect(try lines("merged") == ["33", "33 9 44", "CapAmb:\t0000000000001000"])
            #expect(try lines("strict") == ["33", "33 9", "CapAmb:\t0000000000000000"])
            let user = try await client.status(merged).user.linux
            #expect(user.uid == 33 && user.gid == 33 && user.supplementalGroups == [44, 9])
            try await client.removePod(pod)
        }
    }

    @Test("a recursive read-only mount, an image as a volume, a part of one, and a CDI device") func volumes() async throws {
        try await NodeFixture.with { node, client in
            let shared = node.directory + "/shared"
            try FileManager.default.createDirectory(atPath: shared + "/below", withIntermediateDirectories: true)
            try mountPath("test", on: shared + "/below", type: "tmpfs", flags: 0)
            defer { try? detachMount(shared + "/below") }
            try FileManager.default.createDirectory(atPath: node.directory + "/cdi", withIntermediateDirectories: true)
            try CDITests.json.write(toFile: node.directory + "/cdi/net.json", atomically: false, encoding: .utf8)
            let pod = try await client.runPod()
            let script = """
                for place in /plain/below /deep/below /image /part; do (echo x > $place/x) 2>/dev/null && echo $place; done
                [ -x /image/bin/busybox ] && [ -x /part/busybox ] && echo volumes; echo x > /dev/cdi-null && echo device; echo $KIND
                """
            let id = try await client.create("c", in: pod, ["sh", "-c", script]) {
                $0.mounts = ["/plain", "/deep"].map { ContainerPlanTests.mount(shared, $0) }
                for index in 0...1 { $0.mounts[index].readonly = true }
                $0.mounts[1].recursiveReadOnly = true
                $0.mounts += ["/image", "/part"].map { ContainerPlanTests.mount("", $0) }
                for index in 2...3 { $0.mounts[index].image.image = NodeFixture.image }
                $0.mounts[3].imageSubPath = "bin"
                $0.cdiDevices = [.init()]
                $0.cdiDevices[0].name = "example.com/net=one"
            }
            try await client.start(id)
            #expect(try await client.ended(id).exitCode == 0)
            let lines = try client.log("c").split(separator: "\n").map {
                $0.split(separator: " ", maxSplits: 3).last.map(String.init) ?? ""
            }
            #expect(lines == ["/plain/below", "volumes", "device", "net"])
            let missing = await #expect(throws: Status.self) {
                try await client.create("d", in: pod, ["sh"]) {
                    $0.cdiDevices = [.init()]
                    $0.cdiDevices[0].name = "example.com/net=none"
                }
            }
            #expect(missing?.code == .invalidArgument)
            let outside = await #expect(throws: Status.self) {
                try await client.create("e", in: pod, ["sh"]) {
                    $0.mounts = [ContainerPlanTests.mount("", "/x")]
                    ($0.mounts[0].image.image, $0.mounts[0].imageSubPath) = (NodeFixture.image, "nothing")
                }
            }
            #expect(outside?.code == .invalidArgument)
            try await client.removePod(pod)
        }
    }

    @Test(
        "a pod of another runtime's handler runs with that runtime",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/sbin/runc"))) func handlers()
        async throws
    {
        try await NodeFixture.with { node, client in
            var request = Runtime_V1_RunPodSandboxRequest()
            request.config = SandboxPlanTests.config { $0.logDirectory = node.directory + "/logs" }
            request.runtimeHandler = "no-such"
            let refused = await #expect(throws: Status.self) {
                try await client.call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self)
            }
            #expect(refused?.code == .invalidArgument)
            request.runtimeHandler = "runc"
            let pod = try await client.call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self).podSandboxID
            let id = try await client.run("c", in: pod, ["sh", "-c", "echo by another; exit 3"])
            #expect(try await client.ended(id).exitCode == 3)
            #expect(try client.log("c").contains("by another"))
            #expect(try await client.pod(pod).runtimeHandler == "runc")
            try await client.removePod(pod)
        }
    }
}

extension CRIClient {
    func pod(_ id: String) async throws(Status) -> Runtime_V1_PodSandboxStatus {
        var request = Runtime_V1_PodSandboxStatusRequest()
        request.podSandboxID = id
        return try await call("PodSandboxStatus", request, as: Runtime_V1_PodSandboxStatusResponse.self).status
    }
}
