import Foundation
import Messages
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

@Suite(
    "swiftletd", .serialized, .enabled(if: NodeFixture.canRun, "needs root, busybox-static and the shim built in debug"),
    .timeLimit(.minutes(2)))
struct NodeTests {
    @Test("a pod's containers share its name, its network and its shared memory, and see its resolv.conf") func sharing() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod {
                $0.hostname = "pod-name"
                $0.dnsConfig.servers = ["10.9.8.7"]
                $0.linux.sysctls = ["net.ipv4.ip_unprivileged_port_start": "81", "kernel.shmmni": "77"]
            }
            let one = try await client.run("one", in: pod, ["sh", "-c", "echo shared > /dev/shm/x; echo ready; sleep 1000"])
            let two = try await client.run("two", in: pod, ["sleep", "1000"])
            let seen = try await client.exec(
                two,
                [
                    "sh", "-c",
                    "until cat /dev/shm/x 2>/dev/null; do sleep 0.05; done; hostname; cat /etc/resolv.conf; "
                        + "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni; cat /proc/net/dev | grep -c lo:",
                ])
            #expect(seen.out == "shared\npod-name\nnameserver 10.9.8.7\n81\n77\n1\n" && seen.code == 0, "\(seen)")
            let processes = try await client.exec(one, ["sh", "-c", "set -- /proc/[0-9]*; echo $#"]).out
            #expect(["2\n", "3\n"].contains(processes), "a container sees its own processes and no others")
            try await client.removePod(pod)
        }
    }

    @Test("user, groups, capabilities, root, mounts and devices are those of the request") func wishes() async throws {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            let shared = node.directory + "/shared"
            try FileManager.default.createDirectory(atPath: shared, withIntermediateDirectories: false)
            try "of the node\n".write(toFile: shared + "/file", atomically: false, encoding: .utf8)
            let script = """
                id -u; id -g; id -G; cat /data/file; grep -E '^(NoNewPrivs|CapEff|Seccomp):' /proc/self/status; echo x > /dev/sink && echo sunk
                for place in /x /data/x /proc/sys/kernel/shmmax; do (echo 1 > $place) 2>/dev/null || echo no $place; done
                """
            let id = try await client.create("c", in: pod, ["sh", "-c", script]) {
                var device = Runtime_V1_Device()
                (device.hostPath, device.containerPath, device.permissions) = ("/dev/null", "/dev/sink", "rw")
                $0.devices = [device]
                $0.mounts = [ContainerPlanTests.mount(shared, "/data")]
                $0.mounts[0].readonly = true
                ($0.linux.securityContext.runAsUser.value, $0.linux.securityContext.runAsGroup.value) = (5, 6)
                $0.linux.securityContext.supplementalGroups = [7]
                $0.linux.securityContext.readonlyRootfs = true
                $0.linux.securityContext.noNewPrivs = true
                $0.linux.securityContext.readonlyPaths = ["/proc/sys"]
                $0.linux.securityContext.capabilities.dropCapabilities = ["ALL"]
                $0.linux.securityContext.seccomp.profileType = .runtimeDefault
            }
            try await client.start(id)
            #expect(try await client.ended(id).exitCode == 0)
            let lines = try client.log("c").split(separator: "\n").map {
                $0.split(separator: " ", maxSplits: 3).last.map(String.init) ?? ""
            }
            #expect(
                lines == [
                    "5", "6", "6 7", "of the node", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "sunk", "no /x",
                    "no /data/x",
                    "no /proc/sys/kernel/shmmax",
                ])
            try await client.removePod(pod)
        }
    }

    @Test("an exec gives both streams and its code; one that takes too long is killed; what one says too much is discarded") func exec()
        async throws
    {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let id = try await client.run("c", in: pod, ["sleep", "1000"])
            let seen = try await client.exec(id, ["sh", "-c", "echo out; echo err >&2; exit 9"])
            #expect(seen.out == "out\n" && seen.err == "err\n" && seen.code == 9)
            let late = await #expect(throws: Status.self) { try await client.exec(id, ["sleep", "100"], timeout: 1) }
            #expect(late?.code == .deadlineExceeded)
            let much = try await client.exec(id, ["sh", "-c", "dd if=/dev/zero bs=1048576 count=20 2>/dev/null; echo after >&2; exit 3"])
            #expect(much.out.utf8.count == ContainerActor.mostOutput - 6 && much.err == "after\n" && much.code == 3)
            let missing = await #expect(throws: Status.self) { try await client.exec(id, ["no-such-program"]) }
            #expect(missing?.message.contains("no-such-program") ?? false)
            #expect(try await client.exec(id, ["echo", "still"]).out == "still\n")
            try await client.removePod(pod)
        }
    }

    @Test("stop asks first and kills after the grace; stops and removals may be repeated") func stopping() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let polite = try await client.run("polite", in: pod, ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"])
            let deaf = try await client.run("deaf", in: pod, ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"])
            while try !(client.log("polite").contains("up") && client.log("deaf").contains("up")) { await Task.yield() }
            try await client.stop(polite, grace: 30)
            #expect(try await client.status(polite).exitCode == 5)
            try await client.stop(deaf, grace: 1)
            let status = try await client.status(deaf)
            #expect(status.exitCode == 137 && status.reason == "Error" && status.state == .containerExited)
            #expect(status.createdAt < status.startedAt && status.startedAt < status.finishedAt)
            for _ in 0..<2 {
                try await client.stop(deaf, grace: 1)
                try await client.remove(deaf)
                try await client.stopPod(pod)
            }
            try await client.removePod(pod)
            try await client.removePod(pod)
            let gone = await #expect(throws: Status.self) { try await client.status(polite) }
            #expect(gone?.code == .notFound)
        }
    }

    @Test("events come in the order created, started, stopped, deleted, also for a program that ends at once") func events() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let stream = client.events()
            let id = try await client.run("c", in: pod, ["sh", "-c", "exit 4"])
            #expect(try await client.ended(id).exitCode == 4)
            try await client.remove(id)
            var types: [Runtime_V1_ContainerEventType] = []
            for try await event in stream where event.containerID == id {
                types.append(event.containerEventType)
                if event.containerEventType == .containerDeletedEvent { break }
            }
            #expect(types == [.containerCreatedEvent, .containerStartedEvent, .containerStoppedEvent, .containerDeletedEvent])
            try await client.removePod(pod)
        }
    }

    @Test("a container over its memory limit ends as OOMKilled") func outOfMemory() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let id = try await client.create("c", in: pod, ["tail", "/dev/zero"]) { $0.linux.resources.memoryLimitInBytes = 16 << 20 }
            try await client.start(id)
            let status = try await client.ended(id)
            #expect(status.exitCode == 137 && status.reason == "OOMKilled", "\(status.exitCode) \(status.reason)")
            try await client.removePod(pod)
        }
    }

    @Test("what cannot be made or started says why and leaves nothing, and its name is free again") func failures() async throws {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            for (change, text) in [
                ({ $0.image.image = "no/such:1" }, "no/such"), ({ $0.linux.securityContext.runAsUsername = "nobody-here" }, "nobody-here"),
                ({ $0.linux.resources.cpusetCpus = "100000" }, "cpuset"),
            ] as [((inout Runtime_V1_ContainerConfig) -> Void, String)] {
                let error = await #expect(throws: Status.self) { try await client.create("c", in: pod, ["sleep", "1"], change) }
                #expect(error?.message.contains(text) ?? false, "\(error?.message ?? "")")
            }
            #expect(try node.leftovers().filter { !$0.contains("/state/pods/\(pod)/") && $0 != "state/pods/\(pod)" } == [])
            let missing = await #expect(throws: Status.self) { try await client.create("c", in: pod, ["no-such-program"]) }
            #expect(missing?.message.contains("no-such-program") ?? false, "\(missing?.message ?? "")")
            // A script whose interpreter is missing is found out only by execve.
            let id = try await client.create("c", in: pod, ["bad-script"])
            let taken = await #expect(throws: Status.self) { try await client.create("c", in: pod, ["sleep", "1"]) }
            #expect(taken?.code == .alreadyExists)
            let error = await #expect(throws: Status.self) { try await client.start(id) }
            #expect(error?.message.contains("bad-script") ?? false, "\(error?.message ?? "")")
            let status = try await client.status(id)
            #expect(status.state == .containerExited && status.reason == "StartError" && status.exitCode == 128)
            try await client.removePod(pod)
        }
    }

    @Test("a second pod of the same name and attempt is refused; a method that is not done is named") func refusals() async throws {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            let taken = await #expect(throws: Status.self) { try await client.runPod() }
            #expect(taken?.code == .alreadyExists)
            let other = await #expect(throws: Status.self) {
                try await client.call("NoSuchCall", Runtime_V1_VersionRequest(), as: Runtime_V1_VersionResponse.self)
            }
            #expect(other?.code == .unimplemented && other?.message.contains("NoSuchCall") ?? false)
            let live = await #expect(throws: PluginError.self) { try await node.start() }
            #expect(live?.status.code == .alreadyExists)
            try await client.stopPod(pod)
            let late = await #expect(throws: Status.self) { try await client.create("c", in: pod, ["sleep", "1"]) }
            #expect(late?.code == .failedPrecondition)
            try await client.removePod(pod)
        }
    }
}
