internal import ArgumentParser
internal import Kubelet

_ = MockKubelet.interruption
do {
    try await MockKubelet.parse().run()
} catch {
    MockKubelet.exit(withError: error)
}
