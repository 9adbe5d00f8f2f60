internal import ArgumentParser
internal import Kubelet

_ = MockKubelet.interruption
await MockKubelet.start()
