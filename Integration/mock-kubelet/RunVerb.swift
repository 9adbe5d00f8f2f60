internal import ArgumentParser
internal import Glibc
internal import Kubelet
internal import LinuxSys
internal import TTRPCNIO

struct RunVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the pods of a directory, and keep to what it says as it changes.",
        discussion: """
            The directory holds Pods and ConfigMaps (.yaml, .yml), and in configmaps/NAME/ a file for each key of a config map. A manifest that \
            appears, changes or goes is followed within a second. With --once the pods run to their end and nothing is followed.
            Expectations are annotations of the pod: `swiftlet.dev/expect-exit.NAME: "3"`, `swiftlet.dev/expect-restarts.NAME: "2"` \
            (where a container that always restarts ends), `swiftlet.dev/expect-failure: DeadlineExceeded`, `swiftlet.dev/stop-after: NAME` \
            (the pod is stopped when that container is done). The exit status is 0 when every pod came out as expected and every exit is \
            accounted for, 1 when not, 2 when nothing could be run.
            """)

    @Option(help: "The plugin's socket.")
    var socket = "/run/swiftlet/swiftletd.sock"

    @Option(help: "Directory of the manifests (.yaml, .yml).")
    var manifests: String

    @OptionGroup var place: RootOption
    @OptionGroup var backoff: BackoffOptions

    @Option(help: "Stop all pods after that many seconds, as a failure.")
    var timeout: Int?

    @Flag(help: "Run every pod to its end, then end. A pod that has none (it always restarts, without an expectation) is refused.")
    var once = false

    @Flag(help: "No table of the pods on a terminal.")
    var plain = false

    func validate() throws {
        for path in [socket, manifests] where path.isEmpty { throw ValidationError("a path is empty") }
    }

    func run() async throws { throw await exiting { try await runPods() ? 0 : 1 } }

    private func runPods() async throws -> Bool {
        var watch = ManifestWatch(directory: manifests)
        let pods = try watch.changes() ?? ManifestSet()
        if once {
            if pods.pods.isEmpty { throw ManifestError.unreadable("read \(manifests): no manifest there") }
            if let endless = pods.pods.first(where: \.isEndless) { throw ManifestError.endless(endless.name) }
        }
        let node = try await RuntimeNode.connect(socket)
        let screen = plain ? nil : Screen(STDOUT_FILENO)
        let report = screen.map { screen in Report { screen.line($0) } } ?? Report()
        report.line("node: \(try await node.version())")
        var settings = Kubelet.Settings(root: place.path)
        settings.backoff = backoff.value
        let kubelet = Kubelet(settings, node: node, report: report)
        try ControlDirectory.make(place.path)
        let control = try await Control.serve(kubelet, at: Control.path(root: place.path))
        try await kubelet.begin()
        let display = screen.map { screen in Task { await draw(kubelet, on: screen) } }
        let end = Ending()
        let stopper = Task {
            try await MockKubelet.interruption.get().wait()
            report.line("asked to end: stopping all pods")
            await end.come(.asked)
            await kubelet.stop()
        }
        let timer = Task { try await stopLate(kubelet, end, report) }
        await kubelet.want(pods)
        if !once { await follow(watch, kubelet, end, report) }
        await kubelet.gone()
        for task in [stopper, timer] { task.cancel() }
        display?.cancel()
        await control.close()
        await kubelet.end()
        let summary = kubelet.account.summary
        for line in summary.lines { report.line(line) }
        let isLate = await end.reason == .late
        let isAsExpected = await kubelet.isAsExpected && summary.problems.isEmpty && !isLate
        await node.close()
        return isAsExpected
    }

    /// Until it is asked to end. A directory that cannot be read, or a manifest that is wrong, changes nothing.
    private func follow(_ first: ManifestWatch, _ kubelet: Kubelet, _ end: Ending, _ report: Report) async {
        var watch = first
        while await end.reason == nil {
            try? await Task.sleep(for: .milliseconds(500))
            do throws(ManifestError) {
                guard let set = try watch.changes(), await end.reason == nil else { continue }
                report.line("manifests: \(set.pods.count) pods")
                await kubelet.want(set)
            } catch {
                report.line("manifests: \(error)")
            }
        }
    }

    private func stopLate(_ kubelet: Kubelet, _ end: Ending, _ report: Report) async throws {
        guard let timeout else { return }
        try await Task.sleep(for: .seconds(timeout))
        report.line("not done after \(timeout) s: stopping")
        await end.come(.late)
        await kubelet.stop()
    }

    private func draw(_ kubelet: Kubelet, on screen: Screen) async {
        while !Task.isCancelled {
            screen.show(PodTable.lines(kubelet.table.all, now: monotonicNanoseconds()))
            try? await Task.sleep(for: .milliseconds(250))
        }
        screen.show([])
    }
}

/// Why a run comes to its end, once it does.
actor Ending {
    enum Reason { case asked, late }
    private(set) var reason: Reason?
    func come(_ why: Reason) { if reason == nil { reason = why } }
}
