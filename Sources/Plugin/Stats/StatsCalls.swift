internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import TTRPCNIO

/// What containers and pods use: one, a list, or a list as a stream.
struct StatsCalls: Sendable {
    /// The most entries of one message of a stream: a message holds 4 MiB.
    static let entriesPerMessage = 256

    let site: Site
    let registry: Registry

    /// Where the writable layers are.
    var mountpoint: String { site.store.root }

    func container(_ request: Runtime_V1_ContainerStatsRequest) async throws -> Runtime_V1_ContainerStatsResponse {
        var answer = Runtime_V1_ContainerStatsResponse()
        answer.stats = try await registry.container(request.containerID).sample().message(mountpoint: mountpoint)
        return answer
    }

    func containers(_ request: Runtime_V1_ListContainerStatsRequest) async throws -> Runtime_V1_ListContainerStatsResponse {
        var answer = Runtime_V1_ListContainerStatsResponse()
        answer.stats = await running { request.filter.matches($0) }.map { $0.message(mountpoint: mountpoint) }
        return answer
    }

    func streamContainers(
        _ request: Runtime_V1_StreamContainerStatsRequest, _ stream: ResponseStream<Runtime_V1_StreamContainerStatsResponse>
    ) async throws {
        let all = await running { request.filter.matches($0) }.map { $0.message(mountpoint: mountpoint) }
        for part in all.chunks(of: Self.entriesPerMessage) {
            var answer = Runtime_V1_StreamContainerStatsResponse()
            answer.containerStats = part
            try await stream.send(answer)
        }
    }

    func pod(_ request: Runtime_V1_PodSandboxStatsRequest) async throws -> Runtime_V1_PodSandboxStatsResponse {
        let id = try await registry.pod(request.podSandboxID).id
        guard let status = site.board.pod(id) else { throw PluginError.notFound(.pod, id) }
        var answer = Runtime_V1_PodSandboxStatsResponse()
        answer.stats = podStats(status, await running { $0.pod == id })
        return answer
    }

    func pods(_ request: Runtime_V1_ListPodSandboxStatsRequest) async throws -> Runtime_V1_ListPodSandboxStatsResponse {
        var answer = Runtime_V1_ListPodSandboxStatsResponse()
        answer.stats = await podStats(request.filter)
        return answer
    }

    func streamPods(_ request: Runtime_V1_StreamPodSandboxStatsRequest, _ stream: ResponseStream<Runtime_V1_StreamPodSandboxStatsResponse>)
        async throws
    {
        for part in await podStats(request.filter).chunks(of: Self.entriesPerMessage) {
            var answer = Runtime_V1_StreamPodSandboxStatsResponse()
            answer.podSandboxStats = part
            try await stream.send(answer)
        }
    }

    private func podStats(_ filter: Runtime_V1_PodSandboxStatsFilter) async -> [Runtime_V1_PodSandboxStats] {
        let pods = site.board.allPods().filter { filter.matches($0) }
        let wanted = Set(pods.map(\.id))
        let samples = Dictionary(grouping: await running { wanted.contains($0.pod) }) { $0.status.id }
        let members = Dictionary(grouping: site.board.allContainers()) { $0.pod }
        return pods.map { pod in podStats(pod, (members[pod.id] ?? []).flatMap { samples[$0.status.id] ?? [] }) }
    }

    private func podStats(_ pod: Runtime_V1_PodSandboxStatus, _ samples: [ContainerSample]) -> Runtime_V1_PodSandboxStats {
        let time = Int64(clamping: realtimeNanoseconds())
        let usages = samples.compactMap(\.usage)
        let sum = ContainerUsage(sum: usages)
        let rates = samples.compactMap(\.nanoCores)
        var stats = Runtime_V1_PodSandboxStats()
        stats.attributes.id = pod.id
        stats.attributes.metadata = pod.metadata
        stats.attributes.labels = pod.labels
        stats.attributes.annotations = pod.annotations
        stats.linux.cpu = .init(sum, nanoCores: rates.count == usages.count ? rates.reduce(0, +) : nil, at: time)
        stats.linux.memory = .init(sum, at: time)
        stats.linux.process.timestamp = time
        if let count = sum.processes { stats.linux.process.processCount = .init(count) }
        if pod.state == .sandboxReady, let network = PodNetworkUsage.read(pod, state: site.settings.state) {
            stats.linux.network = network.message(at: time)
        }
        stats.linux.containers = samples.map { $0.message(mountpoint: mountpoint) }
        return stats
    }

    /// Samples of the containers that run, all at once: one whose shim does not answer holds up nobody, and is left out.
    func running(_ isWanted: (Board.Entry) -> Bool) async -> [ContainerSample] {
        let wanted = site.board.allContainers().filter { $0.status.state == .containerRunning && isWanted($0) }.map(\.status.id)
        return await withTaskGroup(of: (Int, ContainerSample?).self) { group in
            for (number, id) in wanted.enumerated() {
                group.addTask {
                    do { return (number, try await registry.container(id).sample()) } catch {
                        site.logger.warning("stats of container \(id): \(error)")
                        return (number, nil)
                    }
                }
            }
            var found: [(Int, ContainerSample)] = []
            for await case (let number, let sample?) in group where sample.usage != nil { found.append((number, sample)) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension Array {
    func chunks(of size: Int) -> [[Element]] { stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) } }
}

extension Runtime_V1_ContainerStatsFilter {
    func matches(_ entry: Board.Entry) -> Bool {
        var filter = Runtime_V1_ContainerFilter()
        (filter.id, filter.podSandboxID, filter.labelSelector) = (id, podSandboxID, labelSelector)
        return filter.matches(entry)
    }
}

extension Runtime_V1_PodSandboxStatsFilter {
    func matches(_ pod: Runtime_V1_PodSandboxStatus) -> Bool {
        var filter = Runtime_V1_PodSandboxFilter()
        (filter.id, filter.labelSelector) = (id, labelSelector)
        return filter.matches(pod)
    }
}
