import Foundation
import Images
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

extension CRIClient {
    func image<Q: Message, A: Message>(_ method: String, _ request: Q, as: A.Type = A.self) async throws(Status) -> A {
        try await ttrpc.unary("runtime.v1.ImageService", method, request, timeout: .seconds(60))
    }

    func stats(_ id: String) async throws(Status) -> Runtime_V1_ContainerStats {
        var request = Runtime_V1_ContainerStatsRequest()
        request.containerID = id
        return try await call("ContainerStats", request, as: Runtime_V1_ContainerStatsResponse.self).stats
    }

    func all<Q: Message, A: Message>(_ method: String, _ request: Q, of service: String = "Runtime", as: A.Type = A.self) async throws
        -> [A]
    {
        var result: [A] = []
        for try await part in ttrpc.serverStream("runtime.v1.\(service)Service", method, request, as: A.self) { result.append(part) }
        return result
    }
}

extension NodeTests {
    @Test("stats and metrics tell what a container uses, one, in lists and in streams") func stats() async throws {
        try await NodeFixture.with { _, client in
            let pod = try await client.runPod()
            let script = "dd if=/dev/zero of=/written bs=1024 count=64 2>/dev/null; echo up; while :; do :; done"
            let id = try await client.run("c", in: pod, ["sh", "-c", script])
            let idle = try await client.create("idle", in: pod, ["sleep", "1000"])
            while try !client.log("c").contains("up") { try await Task.sleep(for: .milliseconds(20)) }
            _ = try await client.stats(id)
            try await Task.sleep(for: .milliseconds(150))
            let one = try await client.stats(id)
            #expect(one.attributes.id == id && one.attributes.metadata.name == "c")
            #expect(one.cpu.usageCoreNanoSeconds.value > 0 && one.cpu.usageNanoCores.value > 0)
            #expect(one.memory.workingSetBytes.value > 0 && one.memory.usageBytes.value >= one.memory.workingSetBytes.value)
            #expect(one.writableLayer.usedBytes.value >= 65_536 && one.writableLayer.inodesUsed.value >= 2)
            // One that does not run has a writable layer and no more.
            let other = try await client.stats(idle)
            #expect(other.hasWritableLayer && !other.hasCpu)
            let list = try await client.call(
                "ListContainerStats", Runtime_V1_ListContainerStatsRequest(), as: Runtime_V1_ListContainerStatsResponse.self)
            #expect(list.stats.map(\.attributes.id) == [id])
            let parts = try await client.all(
                "StreamContainerStats", Runtime_V1_StreamContainerStatsRequest(), as: Runtime_V1_StreamContainerStatsResponse.self)
            #expect(parts.flatMap(\.containerStats).map(\.attributes.id) == [id])
            var request = Runtime_V1_PodSandboxStatsRequest()
            request.podSandboxID = pod
            let whole = try await client.call("PodSandboxStats", request, as: Runtime_V1_PodSandboxStatsResponse.self).stats
            #expect(whole.linux.cpu.usageCoreNanoSeconds.value > 0 && whole.linux.process.processCount.value >= 1)
            #expect(whole.linux.containers.map(\.attributes.id) == [id] && whole.linux.hasNetwork)
            let pods = try await client.all(
                "StreamPodSandboxStats", Runtime_V1_StreamPodSandboxStatsRequest(), as: Runtime_V1_StreamPodSandboxStatsResponse.self)
            #expect(pods.flatMap(\.podSandboxStats).map(\.attributes.id) == [pod])
            try await Self.checkMetrics(client, pod: pod, container: id)
            let missing = await #expect(throws: Status.self) { try await client.stats("nothing") }
            #expect(missing?.code == .notFound)
            try await client.removePod(pod)
        }
    }

    private static func checkMetrics(_ client: CRIClient, pod: String, container: String) async throws {
        let known = try await client.call(
            "ListMetricDescriptors", Runtime_V1_ListMetricDescriptorsRequest(), as: Runtime_V1_ListMetricDescriptorsResponse.self)
        let labels = Dictionary(uniqueKeysWithValues: known.descriptors.map { ($0.name, $0.labelKeys) })
        let found = try await client.call(
            "ListPodSandboxMetrics", Runtime_V1_ListPodSandboxMetricsRequest(), as: Runtime_V1_ListPodSandboxMetricsResponse.self)
        let metrics = try #require(found.podMetrics.first { $0.podSandboxID == pod }?.containerMetrics.first)
        #expect(metrics.containerID == container && metrics.metrics.count > 6)
        for metric in metrics.metrics { #expect(labels[metric.name]?.count == metric.labelValues.count) }
        #expect(metrics.metrics.first { $0.name == "container_memory_usage_bytes" }?.value.value ?? 0 > 0)
        let parts = try await client.all(
            "StreamPodSandboxMetrics", Runtime_V1_StreamPodSandboxMetricsRequest(), as: Runtime_V1_StreamPodSandboxMetricsResponse.self)
        #expect(parts.flatMap(\.podSandboxMetrics).map(\.podSandboxID) == [pod])
    }

    @Test("new limits hold, stay known over a restart, and are refused for what has ended") func updates() async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod()
        let id = try await before.run("c", in: pod, ["sleep", "1000"])
        var request = Runtime_V1_UpdateContainerResourcesRequest()
        request.containerID = id
        request.linux.memoryLimitInBytes = 64 << 20
        request.linux.hugepageLimits = [.init()]
        request.linux.hugepageLimits[0].pageSize = "2MB"
        _ = try await before.call("UpdateContainerResources", request, as: Runtime_V1_UpdateContainerResourcesResponse.self)
        let memory = try await before.stats(id).memory
        #expect(memory.availableBytes.value + memory.workingSetBytes.value == 64 << 20)
        var podRequest = Runtime_V1_UpdatePodSandboxResourcesRequest()
        (podRequest.podSandboxID, podRequest.resources.cpuShares) = (pod, 100)
        _ = try await before.call("UpdatePodSandboxResources", podRequest, as: Runtime_V1_UpdatePodSandboxResourcesResponse.self)
        await before.close()
        await first.stop()

        let (second, after) = try await node.start()
        do {
            #expect(try await after.status(id).resources.linux.memoryLimitInBytes == 64 << 20)
            try await after.stop(id, grace: 0)
            let request = request
            let late = await #expect(throws: Status.self) {
                try await after.call("UpdateContainerResources", request, as: Runtime_V1_UpdateContainerResourcesResponse.self)
            }
            #expect(late?.code == .failedPrecondition)
        } catch { Issue.record(error) }
        try await after.removePod(pod)
        await after.close()
        await second.stop()
    }

    @Test("after a rotation the log goes on in a new file") func rotation() async throws {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            let id = try await client.run("c", in: pod, ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"])
            let path = "\(node.directory)/logs/c.log"
            while (try? client.log("c").contains("line 2")) != true { try await Task.sleep(for: .milliseconds(20)) }
            try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
            var request = Runtime_V1_ReopenContainerLogRequest()
            request.containerID = id
            _ = try await client.call("ReopenContainerLog", request, as: Runtime_V1_ReopenContainerLogResponse.self)
            while (try? client.log("c").contains("line")) != true { try await Task.sleep(for: .milliseconds(20)) }
            try await client.stop(id, grace: 0)
            let all = try String(contentsOfFile: path + ".1", encoding: .utf8) + client.log("c")
            let numbers = all.split(separator: "\n").compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
            #expect(numbers == Array(1...numbers.count), "no line is lost or there twice")
            let late = await #expect(throws: Status.self) {
                try await client.call("ReopenContainerLog", request, as: Runtime_V1_ReopenContainerLogResponse.self)
            }
            #expect(late?.code == .failedPrecondition)
            try await client.removePod(pod)
        }
    }

    @Test("events that a client has missed are told again by their number, over a restart, and each once") func replay() async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod()
        let live = before.events()
        let ended = try await before.run("ended", in: pod, ["sh", "-c", "exit 4"])
        _ = try await before.ended(ended)
        var seen: [Runtime_V1_ContainerEventResponse] = []
        for try await event in live {
            seen.append(event)
            if event.containerEventType == .containerStoppedEvent { break }
        }
        #expect(seen.map(\.containerEventType) == [.containerCreatedEvent, .containerStartedEvent, .containerStoppedEvent])
        await before.close()
        await first.stop()

        let (second, after) = try await node.start()
        do {
            let more = try await after.run("more", in: pod, ["sleep", "1000"])
            try await after.removePod(pod)
            let types: [Runtime_V1_ContainerEventType] = [
                .containerCreatedEvent, .containerStartedEvent, .containerStoppedEvent, .containerDeletedEvent, .containerDeletedEvent,
            ]
            var missed: [Runtime_V1_ContainerEventResponse] = []
            for try await event in after.events(after: "\(seen[2].createdAt)") {
                missed.append(event)
                if missed.count == types.count { break }
            }
            #expect(missed.prefix(3).map(\.containerEventType) == Array(types.prefix(3)))
            #expect(missed.allSatisfy { [more, ended].contains($0.containerID) })
            #expect(Set(missed.suffix(2).map(\.containerID)) == [more, ended])
            #expect(zip(missed, missed.dropFirst()).allSatisfy { $0.createdAt < $1.createdAt })
            var first: [Runtime_V1_ContainerEventResponse] = []
            for try await event in after.events(after: "0") {
                first.append(event)
                if first.count == 3 { break }
            }
            #expect(first == seen)
            for (position, code) in [("x", StatusCode.invalidArgument), ("9223372036854775807", .invalidArgument)] {
                let wrong = await #expect(throws: Status.self) { for try await _ in after.events(after: position) {} }
                #expect(wrong?.code == code)
            }
        } catch { Issue.record(error) }
        await after.close()
        await second.stop()
    }

    @Test("what was thrown away cannot be told again, and is not passed over in silence") func eventsGone() async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        let store = try Store(root: node.settings.root)
        var record = ContainerRecord(id: "x", name: "x", image: "i", imageID: "i", created: 1, bundle: "/b")
        record.sandbox = "nobody"
        for number in 1...UInt64(Store.keptEvents * 3 / 2) { try store.save(record, event: StoredEvent(sequence: number, message: [])) }
        let bounds = try store.eventBounds()
        #expect(bounds.floor > 0 && bounds.last == UInt64(Store.keptEvents * 3 / 2))
        #expect(try store.events(after: 0, upTo: bounds.last, limit: 1).first?.sequence == bounds.floor + 1)
        let (daemon, client) = try await node.start()
        let gone = await #expect(throws: Status.self) { for try await _ in client.events(after: "1") {} }
        #expect(gone?.code == .outOfRange)
        await client.close()
        await daemon.stop()
    }

    @Test("an image in use stays, one that is not goes, twice is fine; the space is told") func images() async throws {
        try await NodeFixture.with { _, client in
            let space = try await client.image("ImageFsInfo", Runtime_V1_ImageFsInfoRequest(), as: Runtime_V1_ImageFsInfoResponse.self)
            #expect(
                space.imageFilesystems.first?.usedBytes.value ?? 0 > 100_000 && space.imageFilesystems.first?.inodesUsed.value ?? 0 > 10)
            #expect(space.containerFilesystems.count == 1)
            let listed = try await client.all(
                "StreamImages", Runtime_V1_StreamImagesRequest(), of: "Image", as: Runtime_V1_StreamImagesResponse.self)
            #expect(listed.flatMap(\.images).count == 1)
            let pod = try await client.runPod()
            _ = try await client.create("c", in: pod, ["sleep", "1"])
            var request = Runtime_V1_RemoveImageRequest()
            request.image.image = NodeFixture.image
            let used = await #expect(throws: Status.self) {
                try await client.image("RemoveImage", request, as: Runtime_V1_RemoveImageResponse.self)
            }
            #expect(used?.code == .failedPrecondition)
            try await client.removePod(pod)
            for _ in 0..<2 { _ = try await client.image("RemoveImage", request, as: Runtime_V1_RemoveImageResponse.self) }
            let left = try await client.image("ListImages", Runtime_V1_ListImagesRequest(), as: Runtime_V1_ListImagesResponse.self)
            #expect(left.images.isEmpty)
        }
    }

    @Test("a checkpoint is an archive, or an error that says what criu said") func checkpoint() async throws {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            let id = try await client.run("c", in: pod, ["sleep", "1000"])
            var request = Runtime_V1_CheckpointContainerRequest()
            (request.containerID, request.location) = (id, node.directory + "/c.tar")
            do {
                _ = try await client.call("CheckpointContainer", request, as: Runtime_V1_CheckpointContainerResponse.self)
                let names = try FileArchiveNames.of(request.location)
                #expect(names.contains("config.json") && names.contains { $0.hasPrefix("checkpoint/pages") })
            } catch {
                #expect("\(error)".contains("criu"), "\(error)")
                #expect(!FileManager.default.fileExists(atPath: request.location))
            }
            request.location = "c.tar"
            let relative = await #expect(throws: Status.self) {
                try await client.call("CheckpointContainer", request, as: Runtime_V1_CheckpointContainerResponse.self)
            }
            #expect(relative?.code == .invalidArgument)
            #expect(try await client.status(id).state == .containerRunning)
            #expect(try FileManager.default.contentsOfDirectory(atPath: node.settings.state + "/checkpoints") == [])
            try await client.removePod(pod)
        }
    }

    @Test("the node says what it can, and lists come as streams too") func node() async throws {
        try await NodeFixture.with { _, client in
            var request = Runtime_V1_StatusRequest()
            request.verbose = true
            let status = try await client.call("Status", request, as: Runtime_V1_StatusResponse.self)
            #expect(status.features.supplementalGroupsPolicy && status.runtimeHandlers.map(\.name) == ["", "runc"])
            #expect(status.info["config"]?.hasPrefix("{") ?? false)
            let config = try await client.call(
                "RuntimeConfig", Runtime_V1_RuntimeConfigRequest(), as: Runtime_V1_RuntimeConfigResponse.self)
            #expect(config.linux.cgroupDriver == .cgroupfs)
            let pod = try await client.runPod()
            let id = try await client.create("c", in: pod, ["sleep", "1"])
            let pods = try await client.all(
                "StreamPodSandboxes", Runtime_V1_StreamPodSandboxesRequest(), as: Runtime_V1_StreamPodSandboxesResponse.self)
            let containers = try await client.all(
                "StreamContainers", Runtime_V1_StreamContainersRequest(), as: Runtime_V1_StreamContainersResponse.self)
            #expect(pods.flatMap(\.podSandboxes).map(\.id) == [pod] && containers.flatMap(\.containers).map(\.id) == [id])
            try await client.removePod(pod)
        }
    }
}

/// Names of the members of a tar archive.
enum FileArchiveNames {
    static func of(_ path: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["-tf", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n").map(String.init)
    }
}

extension CRIClient {
    func events(after position: String) -> AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error> {
        ttrpc.serverStream(
            "runtime.v1.RuntimeService", "GetContainerEvents", Runtime_V1_GetEventsRequest(),
            metadata: [RequestEnvelope.Pair(key: EventCalls.afterKey, value: position)])
    }
}
