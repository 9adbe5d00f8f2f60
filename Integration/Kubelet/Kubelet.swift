internal import Glibc
internal import LinuxSys
internal import Messages
package import TTRPC
internal import YAML

/// A kubelet without a cluster: what is wanted of one node, made so and kept so.
package actor Kubelet {
    package struct Settings: Sendable {
        /// For logs and volumes.
        package var root: String
        package var backoff = Backoff()
        /// The name that `spec.nodeName` shows.
        package var nodeName = "localhost"
        /// What containers print and every transition go to the report.
        package var showsOutput = true
        package var showsTransitions = true
        /// Every container is asked for again that often, whatever the events say.
        package var relist: Duration = .seconds(10)

        package init(root: String) { self.root = root }
    }

    nonisolated package let table = PodTable()
    nonisolated package let account = Account()
    nonisolated package let node: RuntimeNode
    private let site: DriverSite
    private var wanted: [String: PodManifest] = [:]
    private var maps: [String: [ConfigMap]] = [:]
    private var running: [String: PodDriver] = [:]
    private var byUID: [String: PodDriver] = [:]
    private var done: Set<String> = []
    private var verdicts: [String: Verdict] = [:]
    /// Who waits until a pod (by key), or every pod (nil), is gone.
    private var waiting: [(key: String?, continuation: CheckedContinuation<Void, Never>)] = []
    private var background: [Task<Void, Never>] = []

    package init(_ settings: Settings, node: RuntimeNode, report: Report) {
        self.node = node
        site = DriverSite(node: node, settings: settings, report: report, table: table, account: account)
    }

    /// Takes away what a mock kubelet that was killed left on the node, and begins to listen.
    package func begin() async throws(Status) {
        for pod in try await node.sandboxes(labels: [PodManifest.ownerLabel: "mock-kubelet"]) {
            site.report.line("pod sandbox \(pod.id.prefix(12)) of an earlier run: removing it")
            try await node.stopSandbox(pod.id)
            try await node.removeSandbox(pod.id)
        }
        background = [Task { await self.watch() }, Task { await self.relist() }]
    }

    package func end() async {
        for task in background { task.cancel() }
        for task in background { await task.value }
        background = []
    }

    /// From now on these pods and no others are wanted.
    package func want(_ set: ManifestSet) async {
        wanted = Dictionary(set.pods.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        for pod in set.pods { maps[pod.uid] = set.maps(of: pod) }
        await reconcile()
    }

    package func want(_ pod: PodManifest) async {
        wanted[pod.key] = pod
        await reconcile()
    }

    /// Returns when the pod is gone; it does not come back before its manifest is another.
    package func delete(_ key: String) async {
        if let pod = wanted.removeValue(forKey: key) { done.insert(pod.uid) }
        await reconcile()
        await gone(key)
    }

    /// Stops and removes every pod.
    package func stop() async {
        wanted = [:]
        await reconcile()
    }

    /// Returns when no pod is left on the node, or this one is not.
    package func gone(_ key: String? = nil) async {
        guard key.map({ running[$0] != nil }) ?? !running.isEmpty else { return }
        await withCheckedContinuation { waiting.append((key, $0)) }
    }

    package var keys: [String] { Array(running.keys) }

    /// Every pod that ended, came out as its manifest says.
    package var isAsExpected: Bool { verdicts.values.allSatisfy(\.isAsExpected) }
    package var mismatches: [String] {
        verdicts.sorted { $0.key < $1.key }.flatMap { verdict in verdict.value.mismatches.map { "pod/\(verdict.key): \($0)" } }
    }

    private func reconcile() async {
        let plan = Reconciliation(running: running.mapValues(\.manifest.uid), wanted: wanted.mapValues(\.uid), done: done)
        for key in plan.start {
            guard let pod = wanted[key] else { continue }
            let driver = PodDriver(pod, maps: maps[pod.uid] ?? [], site)
            (running[key], byUID[pod.uid]) = (driver, driver)
            Task { await self.ended(driver, await driver.run()) }
        }
        let leaving = plan.stop.compactMap { running[$0] }
        for driver in leaving { await driver.stop() }
    }

    private func ended(_ driver: PodDriver, _ verdict: Verdict) async {
        let pod = driver.manifest
        (running[pod.key], byUID[pod.uid]) = (nil, nil)
        done.insert(pod.uid)
        table.remove(uid: pod.uid)
        maps[pod.uid] = nil
        // One pod of a name after another: the worse result stays.
        if verdicts[pod.key]?.isAsExpected != false { verdicts[pod.key] = verdict }
        if site.settings.showsTransitions || !verdict.isAsExpected {
            site.report.line("pod/\(pod.name) \(verdict.isAsExpected ? "as expected" : "NOT as expected")")
            for mismatch in verdict.mismatches { site.report.line("pod/\(pod.name)   \(mismatch)") }
        }
        await reconcile()
        let over = waiting.filter { $0.key.map { running[$0] == nil } ?? running.isEmpty }
        waiting.removeAll { $0.key.map { running[$0] == nil } ?? running.isEmpty }
        for waiter in over { waiter.continuation.resume() }
    }
}

// What the node tells.
extension Kubelet {
    /// Follows the plugin's events. When the stream breaks it is opened again and what may have been missed is asked for.
    private func watch() async {
        while !Task.isCancelled {
            do {
                let events = try await node.events()
                await catchUp()
                for try await event in events { await deliver(event) }
            } catch {
                if !Task.isCancelled { site.report.line("events: \(oneLine("\(error)"))") }
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    private func relist() async {
        while true {
            do { try await Task.sleep(for: site.settings.relist) } catch { return }
            await catchUp()
        }
    }

    /// Lists every container: what ended unheard is told now, and what is not there any more has ended.
    private func catchUp() async {
        var watched: [String: PodDriver] = [:]
        for driver in Array(running.values) { for id in await driver.watched { watched[id] = driver } }
        guard !watched.isEmpty, let list = try? await node.containers() else { return }
        let states = Dictionary(list.map { ($0.id, $0.state) }, uniquingKeysWith: { $1 })
        for (id, driver) in watched {
            switch states[id] {
            case .containerExited:
                guard let status = try? await node.status(id) else { continue }
                await told(PodMachine.Exit(status), of: id, by: .list, driver)
            case nil:
                // It may have been removed by its driver meanwhile.
                guard await driver.watched.contains(id) else { continue }
                await told(PodMachine.Exit(code: 137, reason: "ContainerStatusUnknown"), of: id, by: .list, driver)
            default: continue
            }
        }
    }

    private func deliver(_ event: Runtime_V1_ContainerEventResponse) async {
        guard event.containerEventType == .containerStoppedEvent else { return }
        guard let status = event.containersStatuses.first(where: { $0.id == event.containerID }) else { return }
        await told(PodMachine.Exit(status), of: status.id, by: .event, byUID[event.podSandboxStatus.metadata.uid])
    }

    private func told(_ exit: PodMachine.Exit, of id: String, by source: Account.Source, _ driver: PodDriver?) async {
        account.ended(id, exit, source)
        await driver?.exited(id, exit)
    }
}
