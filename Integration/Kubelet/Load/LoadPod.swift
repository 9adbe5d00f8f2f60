/// What the load generator runs.
package enum LoadKind: String, CaseIterable, Sendable {
    /// One container that sleeps: what Kubernetes' density test starts.
    case pause
    /// Alternately pods with probes, pods whose container ends and starts again, and pods with init containers, sidecars and hooks.
    case mixed
}

extension PodManifest {
    /// The `number`th pod of a run. The exit codes that can come of it are known: see `LoadCheck`.
    package static func load(_ number: Int, _ kind: LoadKind, image: String, hostNetwork: Bool) -> PodManifest {
        var pod = PodManifest(name: "load-\(number)")
        (pod.namespace, pod.uid, pod.hostNetwork, pod.terminationGraceSeconds) = ("load", "load-\(number)", hostNetwork, 5)
        pod.expectations.anyExitCode = true
        switch (kind, number % 3) {
        case (.pause, _): pod.containers = [shell("pause", image, "trap 'exit 0' TERM; sleep 1000000 & wait")]
        case (.mixed, 0): pod.containers = [probed(image, number)]
        case (.mixed, 1): pod.containers = [shell("ends", image, "sleep \(1 + number % 4); exit \(LoadCheck.code(number))")]
        default:
            var first = shell("first", image, "exit 0")
            first.command = ["true"]
            first.args = []
            var beside = shell("beside", image, "trap 'exit 0' TERM; touch /tmp/up; sleep 1000000 & wait")
            beside.isSidecar = true
            beside.probes[.startup] = probe(["test", "-e", "/tmp/up"], period: 1)
            var app = shell("app", image, "trap 'exit 0' TERM; sleep 1000000 & wait")
            app.lifecycle.postStart = .command(["touch", "/tmp/began"])
            app.lifecycle.preStop = .command(["test", "-e", "/tmp/began"])
            (pod.initContainers, pod.containers) = ([first, beside], [app])
        }
        return pod
    }

    /// Well for some seconds, then not: its liveness probe ends it, and it starts again.
    private static func probed(_ image: String, _ number: Int) -> ContainerManifest {
        var container = shell(
            "probed", image, "trap 'exit 0' TERM; touch /tmp/well; sleep \(8 + number % 20) & wait; rm /tmp/well; sleep 1000000 & wait")
        container.probes[.readiness] = probe(["test", "-e", "/tmp/well"], period: 5)
        container.probes[.liveness] = probe(["test", "-e", "/tmp/well"], period: 5)
        container.probes[.liveness]?.initialDelaySeconds = 3
        return container
    }

    private static func shell(_ name: String, _ image: String, _ script: String) -> ContainerManifest {
        var container = ContainerManifest(name: name, image: image)
        (container.command, container.args, container.pullPolicy) = (["sh", "-c"], [script], .never)
        return container
    }

    private static func probe(_ command: [String], period: Int64) -> Probe {
        var probe = Probe(.command(command))
        (probe.periodSeconds, probe.timeoutSeconds, probe.failureThreshold) = (period, 10, 2)
        return probe
    }
}

/// Whether an exit code can be true: every script of the load ends in one way by itself.
package enum LoadCheck {
    package static func code(_ number: Int) -> Int32 { Int32(1 + number % 120) }

    /// A container that was asked to end has caught the signal or died of it.
    package static func isPossible(_ code: Int32, of container: String, number: Int, wasStopped: Bool) -> Bool {
        switch container {
        case "ends": code == Self.code(number) || (wasStopped && (code == 143 || code == 137))
        case "first": code == 0
        default: wasStopped && (code == 0 || code == 143 || code == 137)
        }
    }
}
