internal import Logging
internal import Messages
internal import SwiftProtobuf
internal import TTRPC
internal import TTRPCNIO

/// CRI over ttrpc: services `runtime.v1.RuntimeService` and `runtime.v1.ImageService`. A method that is not here is
/// answered `unimplemented` with its name.
struct Service: Sendable {
    let pods: PodCalls
    let containers: ContainerCalls
    let node: NodeCalls
    let images: ImageCalls
    let streaming: TTRPCStreaming
    let streams: StreamServer
    let changes: ChangeCalls
    let stats: StatsCalls
    let space: ImageSpace

    init(_ site: Site, _ registry: Registry, _ streams: StreamServer) {
        pods = PodCalls(site: site, registry: registry)
        containers = ContainerCalls(site: site, registry: registry)
        node = NodeCalls(site: site)
        images = ImageCalls(site: site)
        streaming = TTRPCStreaming(site: site, registry: registry)
        self.streams = streams
        changes = ChangeCalls(site: site, registry: registry)
        stats = StatsCalls(site: site, registry: registry)
        space = ImageSpace(site)
    }

    var routes: Routes {
        var routes = Routes()
        let runtime = "runtime.v1.RuntimeService"
        let image = "runtime.v1.ImageService"
        add(&routes, runtime, "Version") { self.node.version($0) }
        add(&routes, runtime, "Status") { await self.node.status($0) }
        add(&routes, runtime, "RunPodSandbox") { try await self.pods.run($0) }
        add(&routes, runtime, "StopPodSandbox") { try await self.pods.stop($0) }
        add(&routes, runtime, "RemovePodSandbox") { try await self.pods.remove($0) }
        add(&routes, runtime, "PodSandboxStatus") { try await self.pods.status($0) }
        add(&routes, runtime, "ListPodSandbox") { self.pods.list($0) }
        add(&routes, runtime, "CreateContainer") { try await self.containers.create($0) }
        add(&routes, runtime, "StartContainer") { try await self.containers.start($0) }
        add(&routes, runtime, "StopContainer") { try await self.containers.stop($0) }
        add(&routes, runtime, "RemoveContainer") { try await self.containers.remove($0) }
        add(&routes, runtime, "ContainerStatus") { try await self.containers.status($0) }
        add(&routes, runtime, "ListContainers") { self.containers.list($0) }
        add(&routes, runtime, "ExecSync") { try await self.containers.exec($0) }
        add(&routes, image, "ImageStatus") { try await self.node.imageStatus($0) }
        add(&routes, image, "ListImages") { try await self.node.listImages($0) }
        add(&routes, image, "PullImage") { try await self.images.pull($0) }
        add(&routes, runtime, "Exec") { try await self.execURL($0) }
        add(&routes, runtime, "Attach") { try await self.attachURL($0) }
        add(&routes, runtime, "PortForward") { try await self.portForwardURL($0) }
        streaming.add(to: &routes)
        add(&routes, image, "RemoveImage") { try await self.node.removeImage($0) }
        add(&routes, image, "ImageFsInfo") { try await self.space.info($0) }
        add(&routes, runtime, "RuntimeConfig") { self.node.runtimeConfig($0) }
        add(&routes, runtime, "UpdateRuntimeConfig") { try await self.updateRuntimeConfig($0) }
        add(&routes, runtime, "UpdateContainerResources") { try await self.changes.updateContainer($0) }
        add(&routes, runtime, "UpdatePodSandboxResources") { try await self.changes.updatePod($0) }
        add(&routes, runtime, "ReopenContainerLog") { try await self.changes.reopenLog($0) }
        add(&routes, runtime, "CheckpointContainer") { try await self.changes.checkpoint($0) }
        addStats(&routes, runtime)
        addStreams(&routes, runtime, image)
        return routes
    }

    private func addStats(_ routes: inout Routes, _ runtime: String) {
        let metrics = MetricCalls(stats: stats)
        add(&routes, runtime, "ContainerStats") { try await self.stats.container($0) }
        add(&routes, runtime, "ListContainerStats") { try await self.stats.containers($0) }
        add(&routes, runtime, "PodSandboxStats") { try await self.stats.pod($0) }
        add(&routes, runtime, "ListPodSandboxStats") { try await self.stats.pods($0) }
        add(&routes, runtime, "ListMetricDescriptors") { metrics.descriptors($0) }
        add(&routes, runtime, "ListPodSandboxMetrics") { await metrics.list($0) }
        addStream(&routes, runtime, "StreamContainerStats") { try await self.stats.streamContainers($0, $2) }
        addStream(&routes, runtime, "StreamPodSandboxStats") { try await self.stats.streamPods($0, $2) }
        addStream(&routes, runtime, "StreamPodSandboxMetrics") { try await metrics.stream($0, $2) }
    }

    private func addStreams(_ routes: inout Routes, _ runtime: String, _ image: String) {
        let lists = ListStreams(pods: pods, containers: containers, node: node)
        let events = EventCalls(site: pods.site)
        addStream(&routes, runtime, "StreamPodSandboxes") { try await lists.pods($0, $2) }
        addStream(&routes, runtime, "StreamContainers") { try await lists.containers($0, $2) }
        addStream(&routes, image, "StreamImages") { try await lists.images($0, $2) }
        addStream(&routes, runtime, "GetContainerEvents") { (_: Runtime_V1_GetEventsRequest, context, stream) in
            try await events.stream(context, stream)
        }
    }

    /// The one thing that it can say is the range of the node's pod addresses, for network plugins that take it.
    private func updateRuntimeConfig(_ request: Runtime_V1_UpdateRuntimeConfigRequest) async throws
        -> Runtime_V1_UpdateRuntimeConfigResponse
    {
        let range = request.runtimeConfig.networkConfig.podCidr
        do throws(NetworkError) { try pods.site.networks?.setPodSubnets(range) } catch { throw PluginError(error) }
        pods.site.logger.info("pods' addresses are to be of \(quoted(range))")
        return Runtime_V1_UpdateRuntimeConfigResponse()
    }

    private func addStream<Q: Message, A: Message>(
        _ routes: inout Routes, _ service: String, _ method: String,
        _ body: @escaping @Sendable (Q, CallContext, ResponseStream<A>) async throws -> Void
    ) {
        let logger = pods.site.logger
        routes.serverStream(service, method) { (request: Q, context, stream: ResponseStream<A>) in
            logger.debug("\(method)")
            do {
                try await body(request, context, stream)
            } catch let error as PluginError {
                logger.info("\(method): \(error)")
                throw error.status
            }
        }
    }

    private func add<Q: Message, A: Message>(
        _ routes: inout Routes, _ service: String, _ method: String, _ body: @escaping @Sendable (Q) async throws -> A
    ) {
        let logger = pods.site.logger
        routes.unary(service, method) { (request: Q, _) in
            logger.debug("\(method)")
            do {
                return try await body(request)
            } catch let error as PluginError {
                logger.info("\(method): \(error)")
                throw error.status
            }
        }
    }
}

/// Where shims send what happens to their tasks: `containerd.services.events.ttrpc.v1.Events`.
struct EventReceiver: Sendable {
    let registry: Registry

    var routes: Routes {
        var routes = Routes()
        routes.unary("containerd.services.events.ttrpc.v1.Events", "Forward") {
            (request: Containerd_Services_Events_Ttrpc_V1_ForwardRequest, _) in
            try await self.receive(request.envelope)
            return Google_Protobuf_Empty()
        }
        return routes
    }

    private func receive(_ envelope: Containerd_Types_Envelope) async throws {
        switch envelope.topic {
        case "/tasks/exit":
            let event = try Containerd_Events_TaskExit(serializedBytes: envelope.event.value)
            // The exits of execs are for those who wait for them.
            guard event.id == event.containerID || event.id.isEmpty else { return }
            guard let container = try? await registry.container(event.containerID) else { return }
            registry.site.metrics.heardOfExit(ended: event.exitedAt.nanoseconds)
            await container.ended(code: event.exitStatus, time: event.exitedAt.nanoseconds)
        case "/tasks/oom":
            let event = try Containerd_Events_TaskOOM(serializedBytes: envelope.event.value)
            guard let container = try? await registry.container(event.containerID) else { return }
            await container.outOfMemory()
        default: break
        }
    }
}
