/// What is to be done so that what runs becomes what is wanted. Pods go by their key; a pod with another uid is another pod.
package struct Reconciliation: Equatable, Sendable {
    package var stop: [String] = []
    package var start: [String] = []

    /// `running` and `wanted` give the uid for each key; `done` holds the uids of pods that came to their end and are not run again.
    package init(running: [String: String], wanted: [String: String], done: Set<String>) {
        stop = running.filter { wanted[$0.key] != $0.value }.keys.sorted()
        // A pod that replaces another waits until that is gone.
        start = wanted.filter { running[$0.key] == nil && !done.contains($0.value) }.keys.sorted()
    }
}
