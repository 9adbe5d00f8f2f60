#!/usr/bin/python3
"""peer.py ROUNDS EXECS IMAGE LOGS NAME=ADDRESS…: the same CRI calls to several runtimes, in turns, by one gRPC client each.

Prints a line for each figure: `name what p50`, in milliseconds. Needs the modules that protoc makes of proto/runtime/v1 in PYTHONPATH.

start: RunPodSandbox, CreateContainer and StartContainer of a pod with the node's network and one container; exec: ExecSync of `true`;
both for containers with the runtime's own seccomp profile and without one, because compiling a profile is work of its own, and what is
meant when nothing is said differs; version: Version, which costs a runtime nothing: what client, transport and front take of every call."""

import contextlib
import statistics
import sys
import time

import cri

PROFILES = {"RuntimeDefault": "profile", "Unconfined": "unconfined"}


class Runtime:
    def __init__(self, text, image, logs):
        self.name, address = text.split("=", 1)
        self.cri, self.image, self.logs = cri.CRI(address), image, f"{logs}/{self.name}"
        self.times = {}

    def measure(self, what, call):
        begin = time.monotonic()
        result = call()
        self.times.setdefault(what, []).append((time.monotonic() - begin) * 1000)
        return result

    def start(self, name, profile):
        """A pod and its container, as crictl's `runp`, `create` and `start` make them."""
        context = {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}, "seccomp": {"profile_type": profile}}
        config = cri.pod(name, f"{self.logs}/{name}", hostname="", linux={"security_context": context})
        container = cri.container("c", ["sleep", "100000"], self.image, linux={"security_context": context})
        pod = self.cri.RunPodSandbox(config=config).pod_sandbox_id
        made = self.cri.CreateContainer(pod_sandbox_id=pod, config=container, sandbox_config=config).container_id
        self.cri.StartContainer(container_id=made)
        return pod, made

    def remove(self, pod):
        self.cri.StopPodSandbox(pod_sandbox_id=pod)
        self.cri.RemovePodSandbox(pod_sandbox_id=pod)

    def clear(self):
        for pod in self.cri.ListPodSandbox().items:
            self.remove(pod.id)

    def execute(self, container):
        answer = self.cri.ExecSync(container_id=container, cmd=["true"], timeout=20)
        assert answer.exit_code == 0, answer


def compare(runtimes, rounds, execs):
    for profile, word in PROFILES.items():
        for number in range(-2, rounds):
            for runtime in runtimes:
                name = f"{word}-{number + 2}"
                # The first two warm up.
                pod, _ = runtime.measure(f"start-{word}" if number >= 0 else "warm", lambda: runtime.start(name, profile))
                runtime.remove(pod)
        running = [runtime.start(f"{word}-exec", profile) for runtime in runtimes]
        for number in range(-5, execs):
            for runtime, (_, container) in zip(runtimes, running):
                runtime.measure(f"exec-{word}" if number >= 0 else "warm", lambda: runtime.execute(container))
                runtime.measure("version", lambda: runtime.cri.Version(version="v1"))
        for runtime, (pod, _) in zip(runtimes, running):
            runtime.remove(pod)
    for runtime in runtimes:
        for what, times in runtime.times.items():
            print(runtime.name, what, f"{statistics.median(times):.2f}")


def main():
    rounds, execs, image, logs, *texts = sys.argv[1:]
    with contextlib.ExitStack() as undo:
        runtimes = []
        for text in texts:
            runtimes.append(Runtime(text, image, logs))
            undo.callback(runtimes[-1].clear)
        compare(runtimes, int(rounds), int(execs))


if __name__ == "__main__":
    main()
