internal import Messages
internal import TTRPCNIO

/// The lists as streams: the same entries, so many a message, and the end.
struct ListStreams: Sendable {
    let pods: PodCalls
    let containers: ContainerCalls
    let node: NodeCalls

    func pods(_ request: Runtime_V1_StreamPodSandboxesRequest, _ stream: ResponseStream<Runtime_V1_StreamPodSandboxesResponse>) async throws
    {
        var list = Runtime_V1_ListPodSandboxRequest()
        list.filter = request.filter
        for part in pods.list(list).items.chunks(of: StatsCalls.entriesPerMessage) {
            var answer = Runtime_V1_StreamPodSandboxesResponse()
            answer.podSandboxes = part
            try await stream.send(answer)
        }
    }

    func containers(_ request: Runtime_V1_StreamContainersRequest, _ stream: ResponseStream<Runtime_V1_StreamContainersResponse>)
        async throws
    {
        var list = Runtime_V1_ListContainersRequest()
        list.filter = request.filter
        for part in containers.list(list).containers.chunks(of: StatsCalls.entriesPerMessage) {
            var answer = Runtime_V1_StreamContainersResponse()
            answer.containers = part
            try await stream.send(answer)
        }
    }

    func images(_ request: Runtime_V1_StreamImagesRequest, _ stream: ResponseStream<Runtime_V1_StreamImagesResponse>) async throws {
        var list = Runtime_V1_ListImagesRequest()
        list.filter = request.filter
        for part in try await node.listImages(list).images.chunks(of: StatsCalls.entriesPerMessage) {
            var answer = Runtime_V1_StreamImagesResponse()
            answer.images = part
            try await stream.send(answer)
        }
    }
}
