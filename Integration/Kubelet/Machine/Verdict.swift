/// Whether a pod came out as its manifest says: exit codes and restarts as annotated; without an annotation a container
/// that ended by itself must have ended with 0.
package struct Verdict: Equatable, Sendable {
    /// One line for each thing that is not as expected.
    package var mismatches: [String]
    package var isAsExpected: Bool { mismatches.isEmpty }

    package init(_ machine: PodMachine) {
        mismatches = machine.failures
        if machine.podFailure != machine.manifest.expectations.failure {
            mismatches.append("pod failed: \(machine.podFailure ?? "no"), expected \(machine.manifest.expectations.failure ?? "no")")
        }
        for container in machine.containers {
            if machine.manifest.expectations.anyExitCode || container.exits.isEmpty && machine.wasAskedToStop { continue }
            mismatches += Self.exitCode(container, expected: machine.manifest.expectations.exitCodes[container.name])
            if let expected = machine.manifest.expectations.restarts[container.name], expected != container.restarts {
                mismatches.append("container \(container.name): \(container.restarts) restarts, expected \(expected)")
            }
        }
    }

    private static func exitCode(_ container: PodMachine.Container, expected: Int32?) -> [String] {
        guard let exit = container.exit else { return ["container \(container.name): never ran to its end"] }
        let wanted = expected ?? (container.wasStopped ? exit.code : 0)
        return exit.code == wanted ? [] : ["container \(container.name): exit code \(exit.code), expected \(wanted)"]
    }
}

extension Verdict {
    init(mismatches: [String]) { self.mismatches = mismatches }
}

extension PodManifest {
    /// True when nothing but a stop from outside ends this pod.
    package var isEndless: Bool {
        restartPolicy == .always && expectations.stopAfter == nil && containers.contains { expectations.restarts[$0.name] == nil }
    }
}
