internal import ArgumentParser
internal import Glibc
internal import Kubelet
internal import LinuxSys
internal import TTRPCNIO

struct LoadVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Start many pods at a rate, and tell how long each took and what is left of them.",
        discussion: """
            Prints the percentiles of pod start (from the wish to the last container that runs), every exit told and missed, and what the node \
            still carries of the pods: processes, mounts, cgroups, files, descriptors of the plugin. The exit status is 0 when every exit is \
            accounted for and nothing is left, 1 when not, 2 when nothing could be run.
            """)

    @Option(help: "The plugin's socket.")
    var socket = "/run/swiftlet/swiftletd.sock"

    @OptionGroup var place: RootOption
    @OptionGroup var backoff: BackoffOptions

    @Option(help: "How many.")
    var pods = 100

    @Option(help: "How many begin in a second.")
    var rate = 5.0

    @Option(help: "Seconds from the first pod until all are taken down.")
    var duration = 60

    @Option(help: "Pods a second that are deleted at random and made again.")
    var deleteRandom = 0.0

    @Option(help: "pause: one container that sleeps. mixed: probes, restarts, init containers, sidecars, hooks.")
    var kind = LoadKind.pause

    @Option(help: "An image with a shell, which is there already.")
    var image: String

    @Flag(help: "The pods have the node's network.")
    var hostNetwork = false

    @Option(help: "Another number, another order of deletions.")
    var seed: UInt64 = 1

    @Flag(help: "Print every transition.")
    var verbose = false

    func validate() throws {
        guard pods > 0, rate > 0, duration >= 0, deleteRandom >= 0 else { throw ValidationError("a number is below its least") }
    }

    func run() async throws { throw await exiting { try await load() ? 0 : 1 } }

    private func load() async throws -> Bool {
        let node = try await RuntimeNode.connect(socket)
        let screen = Screen(STDOUT_FILENO)
        let report = screen.map { screen in Report { screen.line($0) } } ?? Report()
        report.line("node: \(try await node.version())")
        var settings = Kubelet.Settings(root: place.path)
        settings.backoff = backoff.value
        (settings.showsOutput, settings.showsTransitions) = (false, verbose)
        let kubelet = Kubelet(settings, node: node, report: report)
        try await kubelet.begin()
        let end = Ending()
        let stopper = Task {
            try await MockKubelet.interruption.get().wait()
            await end.come(.asked)
        }
        let display = screen.map { screen in Task { await draw(kubelet, on: screen) } }
        let load = LoadRun(
            LoadRun.Settings(
                pods: pods, rate: rate, duration: .seconds(duration), deletions: deleteRandom, kind: kind, image: image,
                hostNetwork: hostNetwork, seed: seed), kubelet: kubelet, report: report)
        let isGood = try await load.run { await end.reason != nil }
        stopper.cancel()
        display?.cancel()
        await kubelet.end()
        await node.close()
        return isGood
    }

    private func draw(_ kubelet: Kubelet, on screen: Screen) async {
        while !Task.isCancelled {
            screen.show(PodTable.lines(kubelet.table.all, now: monotonicNanoseconds()))
            try? await Task.sleep(for: .milliseconds(500))
        }
        screen.show([])
    }
}

extension LoadKind: ExpressibleByArgument {}
