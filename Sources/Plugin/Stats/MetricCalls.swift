internal import Messages
internal import TTRPCNIO

/// `ListMetricDescriptors`, `ListPodSandboxMetrics` and the same as a stream.
struct MetricCalls: Sendable {
    let stats: StatsCalls

    func descriptors(_ request: Runtime_V1_ListMetricDescriptorsRequest) -> Runtime_V1_ListMetricDescriptorsResponse {
        var answer = Runtime_V1_ListMetricDescriptorsResponse()
        answer.descriptors =
            MetricKind<ContainerSample>.all.map { $0.descriptor(labels: MetricKind<ContainerSample>.labels) }
            + MetricKind<PodNetworkUsage.Device>.all.map { $0.descriptor(labels: MetricKind<PodNetworkUsage.Device>.labels) }
        return answer
    }

    func list(_ request: Runtime_V1_ListPodSandboxMetricsRequest) async -> Runtime_V1_ListPodSandboxMetricsResponse {
        var answer = Runtime_V1_ListPodSandboxMetricsResponse()
        answer.podMetrics = await all()
        return answer
    }

    func stream(
        _ request: Runtime_V1_StreamPodSandboxMetricsRequest, _ stream: ResponseStream<Runtime_V1_StreamPodSandboxMetricsResponse>
    ) async throws {
        for part in await all().chunks(of: StatsCalls.entriesPerMessage) {
            var answer = Runtime_V1_StreamPodSandboxMetricsResponse()
            answer.podSandboxMetrics = part
            try await stream.send(answer)
        }
    }

    private func all() async -> [Runtime_V1_PodSandboxMetrics] {
        let samples = Dictionary(grouping: await stats.running { _ in true }) { $0.status.id }
        let board = stats.site.board
        let members = Dictionary(grouping: board.allContainers()) { $0.pod }
        return board.allPods().map { pod in
            var metrics = Runtime_V1_PodSandboxMetrics()
            metrics.podSandboxID = pod.id
            if pod.state == .sandboxReady, let network = PodNetworkUsage.read(pod, state: stats.site.settings.state) {
                for device in network.devices {
                    let labels = [device.name, pod.metadata.namespace, pod.metadata.name]
                    metrics.metrics += MetricKind<PodNetworkUsage.Device>.all.compactMap { $0.metric(device, labels: labels) }
                }
            }
            metrics.containerMetrics = (members[pod.id] ?? []).flatMap { samples[$0.status.id] ?? [] }.map { Self.metrics(of: $0, in: pod) }
            return metrics
        }
    }

    private static func metrics(of sample: ContainerSample, in pod: Runtime_V1_PodSandboxStatus) -> Runtime_V1_ContainerMetrics {
        var metrics = Runtime_V1_ContainerMetrics()
        metrics.containerID = sample.status.id
        let labels = [
            sample.status.metadata.name, sample.status.id, sample.status.image.image, pod.metadata.namespace, pod.metadata.name,
        ]
        metrics.metrics = MetricKind<ContainerSample>.all.compactMap { $0.metric(sample, labels: labels) }
        return metrics
    }
}
