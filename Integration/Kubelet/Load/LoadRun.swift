internal import LinuxSys

/// Pods at a rate, kept for a while, some of them deleted at random and made again; then an account of all of it.
package struct LoadRun: Sendable {
    package struct Settings: Sendable {
        package var pods: Int
        /// Pods begun in a second.
        package var rate: Double
        /// From the first pod on; at least until all have started.
        package var duration: Duration
        /// Pods deleted (and made again) in a second.
        package var deletions: Double
        package var kind: LoadKind
        package var image: String
        package var hostNetwork: Bool
        /// For what is deleted.
        package var seed: UInt64

        package init(
            pods: Int, rate: Double, duration: Duration, deletions: Double, kind: LoadKind, image: String, hostNetwork: Bool, seed: UInt64
        ) {
            (self.pods, self.rate, self.duration, self.deletions) = (pods, rate, duration, deletions)
            (self.kind, self.image, self.hostNetwork, self.seed) = (kind, image, hostNetwork, seed)
        }
    }

    private let settings: Settings
    private let kubelet: Kubelet
    private let report: Report

    package init(_ settings: Settings, kubelet: Kubelet, report: Report) {
        (self.settings, self.kubelet, self.report) = (settings, kubelet, report)
    }

    /// True when nothing is left and every exit is accounted for. `interrupted` ends the load early; what runs is still taken down.
    package func run(interrupted: @escaping @Sendable () async -> Bool) async throws -> Bool {
        // What the plugin opens once it stays open: it has run a pod before anything is counted.
        await kubelet.want(pod(0))
        await up(1)
        await kubelet.delete("load/load-0")
        let leaks = try await Leaks(node: kubelet.node)
        let start = monotonicNanoseconds()
        report.line("load: \(settings.pods) pods (\(settings.kind.rawValue)), \(settings.rate) in a second, for \(settings.duration)")
        var load = Schedule(settings, start: start)
        var deletions = 0
        while await !interrupted() {
            let now = monotonicNanoseconds()
            if load.isOver(at: now) { break }
            switch load.next(at: now) {
            case .begin(let number): await kubelet.want(pod(number))
            case .replace(let old, let new):
                deletions += 1
                Task { await kubelet.delete("load/load-\(old)") }
                await kubelet.want(pod(new))
            case .wait(let nanoseconds): try await Task.sleep(for: .nanoseconds(Int64(nanoseconds)))
            }
        }
        let wanted = kubelet.account.summary.pods
        report.line("load: \(wanted - 1) pods begun, \(deletions) deleted; taking down what runs")
        await kubelet.stop()
        await kubelet.gone()
        return await account(leaks, deletions)
    }

    private func pod(_ number: Int) -> PodManifest {
        .load(number, settings.kind, image: settings.image, hostNetwork: settings.hostNetwork)
    }

    /// Returns when that many pods have been up.
    private func up(_ count: Int) async {
        for _ in 0..<600 where kubelet.account.startTimes.count < count { try? await Task.sleep(for: .milliseconds(50)) }
    }

    private func account(_ leaks: Leaks, _ deletions: Int) async -> Bool {
        let left = await leaks.find(kubelet.account.ids)
        let summary = kubelet.account.summary
        let wrong = kubelet.account.implausible
        report.line("pod start: \(Percentiles(Array(kubelet.account.startTimes.dropFirst())).line)")
        for line in summary.lines { report.line(line) }
        report.line("restarts: \(kubelet.account.restarts); deleted at random: \(deletions)")
        report.line("exit codes that cannot be: \(wrong.count)")
        for line in wrong.prefix(20) { report.line("  \(line)") }
        let mismatches = await kubelet.mismatches
        report.line("pods that failed: \(mismatches.count)")
        for line in mismatches.prefix(20) { report.line("  \(line)") }
        report.line("left over: \(left.isEmpty ? "nothing" : "\(left.count)")")
        for line in left.prefix(50) { report.line("  \(line)") }
        return left.isEmpty && summary.problems.isEmpty && wrong.isEmpty && mismatches.isEmpty
    }
}
