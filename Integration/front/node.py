"""A swiftletd with a directory of its own behind the gRPC front, for the scenarios of Integration/tests/5*.sh. BIN names the programs,
ARCHIVES the images, SCRATCH where everything is kept."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import grpc

import cri
import ttrpc

HERE = os.path.dirname(os.path.abspath(__file__))


def wait(what, check, seconds=20):
    """Until `check` says something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def refused(code, words, call, **values):
    """The call is refused with this status, and its message has the words."""
    try:
        answer = call(**values)
    except grpc.RpcError as error:
        assert error.code() == code and words in error.details(), f"{error.code()}: {error.details()}"
        return error.details()
    raise AssertionError(f"{answer} instead of {code}")


class Node:
    def __init__(self, *options, name="node", environment=None):
        self.work = os.path.join(os.environ["SCRATCH"], name)
        self.bin, self.options = os.environ["BIN"], options
        os.makedirs(self.work, exist_ok=True)
        self.socket = self.work + "/run/d.sock"
        self.environment = dict(
            os.environ, SWIFTLET_ROOT=self.work + "/root", SWIFTLET_SOCKET_DIR=self.work + "/shims",
            SWIFTLET_SHIM=self.bin + "/containerd-shim-swiftlet-v2", **(environment or {}))
        self.logs = self.work + "/logs"
        self.daemon = self.front = None
        subprocess.run([self.bin + "/swiftlet", "load", os.environ["ARCHIVES"] + "/oci.tar"], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def __enter__(self):
        try:
            self.start()
            self.front = subprocess.Popen(
                ["/usr/bin/python3", HERE + "/front.py", f"unix://{self.work}/front.sock", self.socket], stdin=subprocess.DEVNULL)
            wait("the front", lambda: os.path.exists(self.work + "/front.sock"))
            self.cri = cri.CRI(f"unix://{self.work}/front.sock")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        self.daemon = subprocess.Popen(
            [self.bin + "/swiftletd", "--debug", "--state", self.work + "/state", "--socket", self.socket, *self.options],
            env=self.environment, stdin=subprocess.DEVNULL, stderr=open(self.work + "/daemon.log", "ab"))
        wait("swiftletd", self.answers)

    def answers(self):
        assert self.daemon.poll() is None, open(self.work + "/daemon.log").read()[-2000:]
        with contextlib.suppress(OSError):
            client = ttrpc.Client(self.socket)
            client.close()
            return True
        return False

    def end(self, number=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(number)
            status = self.daemon.wait(30)
            assert status == (0 if number == signal.SIGTERM else -number), f"swiftletd ended with {status}"
            self.daemon = None

    def __exit__(self, kind, error, trace):
        try:
            if self.daemon and self.daemon.poll() is None and hasattr(self, "cri"):
                for pod in self.cri.ListPodSandbox().items:
                    if kind is None:
                        raise AssertionError(f"pod {pod.metadata.name} is left")
                    with contextlib.suppress(grpc.RpcError):
                        self.cri.RemovePodSandbox(pod_sandbox_id=pod.id)
            self.end()
            if kind is None:
                self.check_clean()
        finally:
            for process in (self.front, self.daemon):
                if process and process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
        if kind and os.path.exists(self.work + "/daemon.log"):
            lines = [line for line in open(self.work + "/daemon.log") if " DEBUG " not in line]
            sys.stderr.write("".join(lines)[-3000:])

    def leftovers(self):
        found = [f"mount {line.split()[4]}" for line in open("/proc/self/mountinfo") if self.work in line]
        for part in ("state/pods", "state/exec", "state/attach", "state/containers", "root/networks", "shims"):
            with contextlib.suppress(FileNotFoundError):
                found += [f"{part}/{name}" for name in os.listdir(f"{self.work}/{part}")]
        return found

    def check_clean(self):
        wait("nothing is left", lambda: not self.leftovers() or print(self.leftovers(), file=sys.stderr), 20)

    # What scenarios do.

    def run_pod(self, name, **more):
        return self.cri.RunPodSandbox(config=cri.pod(name, self.logs, **more)).pod_sandbox_id

    def create(self, pod, name, command, **more):
        return self.cri.CreateContainer(pod_sandbox_id=pod, config=cri.container(name, command, **more)).container_id

    def run(self, pod, name, command, **more):
        container = self.create(pod, name, command, **more)
        self.cri.StartContainer(container_id=container)
        return container

    def shell(self, container, script, timeout=20):
        answer = self.cri.ExecSync(container_id=container, cmd=["/bin/sh", "-c", script], timeout=timeout)
        return answer.stdout.decode() + answer.stderr.decode()

    def remove(self, pod):
        self.cri.StopPodSandbox(pod_sandbox_id=pod)
        self.cri.RemovePodSandbox(pod_sandbox_id=pod)

    def info(self, pod):
        return {key: json.loads(value) for key, value in self.cri.PodSandboxStatus(pod_sandbox_id=pod, verbose=True).info.items()}
