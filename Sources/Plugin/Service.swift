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
        routes.serverStream(runtime, "GetContainerEvents") {
            (_: Runtime_V1_GetEventsRequest, _, stream: ResponseStream<Runtime_V1_ContainerEventResponse>) in
            try await self.containers.events(stream)
        }
        return routes
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
            await container.ended(code: event.exitStatus, time: event.exitedAt.nanoseconds)
        case "/tasks/oom":
            let event = try Containerd_Events_TaskOOM(serializedBytes: envelope.event.value)
            guard let container = try? await registry.container(event.containerID) else { return }
            await container.outOfMemory()
        default: break
        }
    }
}
