internal import ArgumentParser
internal import Glibc
internal import Kubelet
internal import OCI
internal import TTRPCNIO

/// `mock-kubelet`: pod manifests in, containers out, without a cluster.
struct MockKubelet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mock-kubelet",
        abstract: "Runs the pods of a directory of Kubernetes manifests on a CRI plugin and shows what happens.",
        discussion: """
            Expectations are annotations of the pod: `swiftlet.dev/expect-exit.NAME: "3"`, `swiftlet.dev/expect-restarts.NAME: "2"` \
            (where a container that always restarts ends), `swiftlet.dev/stop-after: NAME` (the pod is stopped when that container \
            is done). The exit status is 0 when every pod came out as expected, 1 when not, 2 when nothing could be run.
            """,
        version: swiftletVersion)

    @Option(help: "The plugin's socket.")
    var socket = "/run/swiftlet/swiftletd.sock"

    @Option(help: "Directory of the manifests (.yaml, .yml).")
    var manifests: String

    @Option(help: "Where logs and emptyDir volumes are kept.")
    var root = "/run/swiftlet/mock-kubelet"

    @Option(help: "Milliseconds before the second restart of a container; doubles each time.")
    var backoffBase = 10_000

    @Option(help: "The longest back-off in milliseconds.")
    var backoffLimit = 300_000

    @Option(help: "Stop all pods after that many seconds, as a failure.")
    var timeout: Int?

    @Flag(help: "Do not run at all with a pod that has no end: one that always restarts without an expectation.")
    var once = false

    /// Made first: a signal from then on ends it gracefully.
    static let interruption = Result { try Termination() }

    func run() async throws {
        for path in [socket, manifests, root] where path.isEmpty { throw ValidationError("a path is empty") }
        let code: Int32
        do {
            code = try await runPods() ? 0 : 1
        } catch {
            printLine("mock-kubelet: \(error)", to: STDERR_FILENO)
            code = 2
        }
        throw ExitCode(code)
    }

    private func runPods() async throws -> Bool {
        let pods = try Kubelet.pods(in: manifests)
        if once, let endless = pods.first(where: \.isEndless) { throw ManifestError.endless(endless.name) }
        let node = try await RuntimeNode.connect(socket)
        let report = Report()
        report.line("node: \(try await node.version())")
        var settings = Kubelet.Settings(socket: socket, manifests: manifests, root: absolute(root))
        settings.backoff = Backoff(base: .milliseconds(backoffBase), limit: .milliseconds(backoffLimit))
        settings.timeout = timeout.map { .seconds($0) }
        let kubelet = Kubelet(settings, pods: pods, node: node, report: report)
        let stopper = Task {
            try await Self.interruption.get().wait()
            report.line("asked to end: stopping all pods")
            await kubelet.stop()
        }
        let isAsExpected = await kubelet.run()
        stopper.cancel()
        await node.close()
        return isAsExpected
    }

    /// The plugin has another working directory.
    private func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let here = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(here) }
        return unsafe String(cString: here) + "/" + path
    }
}
