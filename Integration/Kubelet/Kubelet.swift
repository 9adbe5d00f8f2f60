internal import Foundation
internal import LinuxSys
internal import Messages
internal import TTRPC

/// A kubelet without a cluster: every pod of a directory of manifests, run on one node until it is done or stopped.
package final class Kubelet: Sendable {
    package struct Settings: Sendable {
        package var socket: String
        package var manifests: String
        /// For logs and emptyDir volumes.
        package var root: String
        package var backoff = Backoff()
        /// The pods are stopped when this is over, and that is a failure.
        package var timeout: Duration?

        package init(socket: String, manifests: String, root: String) {
            (self.socket, self.manifests, self.root) = (socket, manifests, root)
        }
    }

    private let settings: Settings
    private let node: RuntimeNode
    private let report: Report
    private let drivers: [PodDriver]
    private let names: [String]

    package init(_ settings: Settings, pods: [PodManifest], node: RuntimeNode, report: Report) {
        (self.settings, self.node, self.report) = (settings, node, report)
        names = pods.map(\.name)
        drivers = pods.map { PodDriver($0, node: node, root: settings.root, backoff: settings.backoff, report: report) }
    }

    /// Every pod of the directory's `.yaml` and `.yml` files, in the order of their names.
    package static func pods(in directory: String) throws(ManifestError) -> [PodManifest] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted() } catch {
            throw .unreadable("read \(directory): \(fileReason(error))")
        }
        var pods: [PodManifest] = []
        for name in names where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            let text: String
            do { text = try String(contentsOfFile: directory + "/" + name, encoding: .utf8) } catch {
                throw .unreadable("read \(directory)/\(name): \(fileReason(error))")
            }
            pods += try PodManifest.pods(yaml: text)
        }
        guard !pods.isEmpty else { throw .unreadable("read \(directory): no manifest there") }
        for index in pods.indices where pods[index].uid.isEmpty { pods[index].uid = UUID().uuidString.lowercased() }
        var seen: Set<String> = []
        for pod in pods where !seen.insert("\(pod.namespace)/\(pod.name)").inserted { throw .duplicatePod(pod.name) }
        return pods
    }

    /// Runs all pods to their end. True when every one came out as its manifest says.
    package func run() async -> Bool {
        let watching = Task { await self.watch() }
        let timer = Task { await self.stopLate() }
        var isAsExpected = true
        await withTaskGroup(of: (String, Verdict).self) { group in
            for (name, driver) in zip(names, drivers) { group.addTask { (name, await driver.run()) } }
            for await (name, verdict) in group {
                isAsExpected = isAsExpected && verdict.isAsExpected
                report.line("pod/\(name) \(verdict.isAsExpected ? "as expected" : "NOT as expected")")
                for mismatch in verdict.mismatches { report.line("pod/\(name)   \(mismatch)") }
            }
        }
        watching.cancel()
        timer.cancel()
        let wasLate = await timer.value
        return isAsExpected && !wasLate
    }

    /// Stops and removes every pod; `run` then comes to its end.
    package func stop() async {
        for driver in drivers { await driver.stop() }
    }

    /// True when the time was over.
    private func stopLate() async -> Bool {
        guard let timeout = settings.timeout else { return false }
        do { try await Task.sleep(for: timeout) } catch { return false }
        report.line("not done after \(timeout): stopping")
        await stop()
        return true
    }

    /// Follows the plugin's events. When the stream breaks it is opened again and what may have been missed is asked for.
    private func watch() async {
        while !Task.isCancelled {
            do {
                let events = node.events()
                await catchUp()
                for try await event in events { await deliver(event) }
            } catch {
                report.line("events: \(oneLine("\(error)"))")
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private func catchUp() async {
        for driver in drivers {
            guard let exits = try? await node.exits(of: driver.watched) else { continue }
            for (id, exit) in exits { await driver.exited(id, exit) }
        }
    }

    private func deliver(_ event: Runtime_V1_ContainerEventResponse) async {
        guard event.containerEventType == .containerStoppedEvent else { return }
        guard let status = event.containersStatuses.first(where: { $0.id == event.containerID }) else { return }
        for driver in drivers { await driver.exited(status.id, PodMachine.Exit(status)) }
    }
}
