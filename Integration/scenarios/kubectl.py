"""Exec, attach and port-forward by kubectl, over SPDY. Runs the scenario named."""

import fcntl
import hashlib
import os
import pty
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import termios
import threading
import time

from apiserver import APIServer
import node as nodes
from node import Node

HOST = {"linux": {"security_context": {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}}}
VOLUME = 64 << 20
# Newer ones begin with a WebSocket unless told not to.
ENVIRONMENT = dict(os.environ, KUBECTL_REMOTE_COMMAND_WEBSOCKETS="false", KUBECTL_PORT_FORWARD_WEBSOCKETS="false", KUBECONFIG="/dev/null")


def wait(what, check, seconds=60):
    return nodes.wait(what, check, seconds)


def words(server, *arguments):
    return [shutil.which("kubectl"), "--server", server.url, "--cache-dir", os.environ["SCRATCH"] + "/kubectl-cache", *arguments]


def kubectl(server, *arguments, status=0, stdin=b"", timeout=90):
    result = subprocess.run(words(server, *arguments), input=stdin, capture_output=True, timeout=timeout, env=ENVIRONMENT)
    assert result.returncode == status, (arguments, result.returncode, result.stdout[-500:], result.stderr[-2000:])
    return result


def start(server, *arguments, **more):
    options = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    options.update(more)
    return subprocess.Popen(words(server, *arguments), **options)


def execs(node):
    """Commands beside the containers' own programs, by the directories that swiftletd keeps for them."""
    path = node.work + "/state/exec"
    return os.listdir(path) if os.path.isdir(path) else []


def sleeping(node):
    """A pod `p` whose container `c` does nothing."""
    pod = node.run_pod("p", **HOST)
    return pod, node.run(pod, "c", ["/bin/sleep", "1000"])


def exec_streams(node, server):
    pod, container = sleeping(node)
    server.pods["p"] = {"id": pod, "containers": {"c": {"id": container}}}
    result = kubectl(server, "exec", "p", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7", status=7)
    assert result.stdout == b"out\n" and result.stderr.startswith(b"err\n") and b"exit code 7" in result.stderr, result
    method, upgrade, offers = server.asked[-1]
    assert (method, upgrade) == ("POST", "SPDY/3.1") and "v4.channel.k8s.io" in offers, server.asked
    result = kubectl(server, "exec", "p", "--", "/bin/true")
    assert (result.stdout, result.stderr) == (b"", b""), result
    # stdin ends by itself, and the output comes after it.
    data = os.urandom(3 << 20)
    result = kubectl(server, "exec", "-i", "p", "--", "/bin/sh", "-c", "cat; echo end >&2; exit 3", stdin=data, status=3)
    assert result.stdout == data and result.stderr.startswith(b"end\n"), (len(result.stdout), result.stderr)
    # A command that takes nothing of its stdin ends all the same.
    for _ in range(5):
        kubectl(server, "exec", "-i", "p", "--", "/bin/true", stdin=data)
    result = kubectl(server, "exec", "p", "--", "/no/such/program", status=1)
    assert b"/no/such/program" in result.stderr, result
    wait("no exec is left", lambda: not execs(node))
    node.remove(pod)


def exec_terminal(node, server):
    """A terminal has one output, a size, and a size that changes."""
    pod, container = sleeping(node)
    server.pods["p"] = {"id": pod, "containers": {"c": {"id": container}}}
    ours, theirs = pty.openpty()
    resize(ours, 37, 101)
    process = start(server, "exec", "-it", "p", "--", "/bin/sh", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(theirs)
    seen = Terminal(ours)
    os.write(ours, b"while [ \"$(stty size)\" != '37 101' ]; do :; done; echo size $(stty size) $(tty) >&2\n")
    wait("the size of the beginning", lambda: b"size 37 101 /dev/pts/" in seen.text)
    resize(ours, 22, 55)
    os.kill(process.pid, signal.SIGWINCH)
    os.write(ours, b"while [ \"$(stty size)\" != '22 55' ]; do :; done; exit 5\n")
    assert process.wait(60) == 5, seen.text[-500:]
    os.close(ours)
    wait("no exec is left", lambda: not execs(node))
    node.remove(pod)


class Terminal:
    """What a terminal has shown so far."""

    def __init__(self, descriptor):
        self.text = b""
        threading.Thread(target=self.read, args=(descriptor,), daemon=True).start()

    def read(self, descriptor):
        try:
            while data := os.read(descriptor, 65536):
                self.text += data
        except OSError:
            pass


def resize(descriptor, rows, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def exec_volume(node, server):
    """Much data, one way and the other, and past a client that reads slowly."""
    pod, container = sleeping(node)
    server.pods["p"] = {"id": pod, "containers": {"c": {"id": container}}}
    node.shell(container, f"dd if=/dev/urandom of=/tmp/data bs=65536 count={VOLUME >> 16} 2>/dev/null", timeout=60)
    wanted = node.shell(container, "sha256sum < /tmp/data", timeout=60).split()[0]
    began = time.monotonic()
    process = start(server, "exec", "p", "--", "/bin/cat", "/tmp/data", stdin=subprocess.DEVNULL)
    found, size, data = hashlib.sha256(), 0, []
    while piece := process.stdout.read(1 << 16):
        found.update(piece)
        data.append(piece)
        size += len(piece)
    assert (process.wait(30), size, found.hexdigest()) == (0, VOLUME, wanted), (process.stderr.read(), size)
    ended = time.monotonic()
    result = kubectl(server, "exec", "-i", "p", "--", "/bin/sha256sum", stdin=b"".join(data))
    assert result.stdout.split()[0].decode() == wanted, result
    print(f"64 MiB out in {ended - began:.1f} s, in within {time.monotonic() - ended:.1f} s", file=sys.stderr)
    # A client that does not read slows the program down, and costs little memory.
    process = start(server, "exec", "p", "--", "/bin/sh", "-c", "cat /tmp/data /tmp/data; echo done >&2", stdin=subprocess.DEVNULL)
    process.stdout.read(1 << 16)
    wait("the program waits for its client", lambda: stalled(node, container))
    assert resident(node.daemon.pid) < 300 << 20
    assert sum(len(piece) for piece in iter(lambda: process.stdout.read(1 << 20), b"")) + (1 << 16) == 2 * VOLUME
    assert process.stderr.read() == b"done\n" and process.wait(30) == 0
    node.remove(pod)


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096


def stalled(node, container):
    """Whether a `cat` in the container reads nothing for a while."""
    def read():
        found = re.search(r"^ *(\d+) .*cat /tmp/data /tmp/data$", node.shell(container, "ps"), re.M)
        return found and node.shell(container, f"cat /proc/{found.group(1)}/io | grep rchar")
    first = read()
    if not first:
        return False
    time.sleep(0.3)
    return first == read()


def gone_clients(node, server):
    """What a client that goes had started is ended; nothing is left of it."""
    pod, container = sleeping(node)
    server.pods["p"] = {"id": pod, "containers": {"c": {"id": container}}}
    count = lambda what: node.shell(container, f"ps | grep -c '{what}'").strip()
    process = start(server, "exec", "-i", "p", "--", "/bin/sh", "-c", "echo up; exec sleep 777")
    assert process.stdout.read(3) == b"up\n" and count("[s]leep 777") == "1"
    process.kill()
    process.wait()
    wait("the command of a client that is gone is ended", lambda: count("[s]leep 777") == "0")
    # In the middle of much output, and of much input.
    process = start(server, "exec", "p", "--", "/bin/cat", "/dev/zero", stdin=subprocess.DEVNULL)
    process.stdout.read(1 << 20)
    process.kill()
    process.wait()
    wait("the command of a client that is gone in the middle is ended", lambda: count("[c]at /dev/zero") == "0")
    process = start(server, "exec", "-i", "p", "--", "/bin/sh", "-c", "head -c 100000 > /dev/null; echo took; exec sleep 777")
    process.stdin.write(bytes(600_000))
    process.stdin.flush()
    assert process.stdout.read(5) == b"took\n"
    process.kill()
    process.wait()
    wait("the command that took no more is ended", lambda: count("[s]leep 777") == "0")
    wait("no exec is left", lambda: not execs(node))
    descriptors = lambda: len(os.listdir(f"/proc/{node.daemon.pid}/fd"))
    before = descriptors()
    for _ in range(5):
        kubectl(server, "exec", "p", "--", "/bin/true")
    wait("no descriptor is left", lambda: descriptors() <= before)
    node.remove(pod)


def attach(node, server):
    pod = node.run_pod("p", **HOST)
    script = "while read line; do echo \"got $line\"; echo \"err $line\" >&2; done; echo end; exit 4"
    talker = node.run(pod, "talker", ["/bin/sh", "-c", script], stdin=True, stdin_once=True)
    server.pods["p"] = {"id": pod, "containers": {"talker": {"id": talker, "stdin": True}}}
    # A second one, that listens.
    listener = start(server, "attach", "p", "-c", "talker", stdin=subprocess.DEVNULL)
    process = start(server, "attach", "-i", "p", "-c", "talker")
    heard = Heard(process.stdout), Heard(process.stderr), Heard(listener.stdout)
    attached = f"{node.work}/state/containers"
    wait("both are attached", lambda: len(fifos(attached)) >= 4)
    process.stdin.write(b"one\n")
    process.stdin.flush()
    wait("what it says", lambda: b"got one\n" in heard[0].text and b"err one\n" in heard[1].text and b"got one\n" in heard[2].text)
    process.stdin.close()
    assert process.wait(30) == 4 and listener.wait(30) == 4, (process.returncode, listener.returncode)
    wait("all of it", lambda: b"end\n" in heard[0].text and b"end\n" in heard[2].text)
    log = open(node.logs + "/talker.log").read()
    assert "stdout F got one\n" in log and "stderr F err one\n" in log, log
    node.remove(pod)


def fifos(directory):
    return [name for path, _, names in os.walk(directory) if path.endswith("/attach") for name in names
            if name.endswith((".stdout", ".stderr"))]


class Heard:
    """What a pipe has brought so far."""

    def __init__(self, pipe):
        self.text = b""
        threading.Thread(target=self.read, args=(pipe,), daemon=True).start()

    def read(self, pipe):
        while data := os.read(pipe.fileno(), 65536):
            self.text += data


def port_forward(node, server):
    """Many connections at once, large and small; a port where nobody listens; clients that go in the middle."""
    pod, container = sleeping(node)
    server.pods["p"] = {"id": pod, "containers": {"c": {"id": container}}}
    with Program(gives_back=True) as peer, Program(gives_back=False) as sink:
        process, local, drain = forward(server, peer.port, sink.port, stderr=subprocess.DEVNULL)
        method, upgrade, offers = server.asked[-1]
        assert (method, upgrade, offers) == ("POST", "SPDY/3.1", ["portforward.k8s.io"]), server.asked
        failures = []

        def talk(size):
            try:
                assert echo(local, os.urandom(size)), size
            except Exception as error:
                failures.append(repr(error))

        threads = [threading.Thread(target=talk, args=(size,)) for size in [1, 1000, 100_000, 3 << 20] * 6]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures and not any(thread.is_alive() for thread in threads), failures
        wait("the pod's ends of them are closed", lambda: peer.open == 0)
        # Connections that end without a word do not disturb the others. (With data on their way back kubectl itself would hang.)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", drain), 30) as rude:
                rude.sendall(bytes(200_000))
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert echo(local, os.urandom(100_000))
        wait("the pod's ends of those that are gone are closed", lambda: peer.open == sink.open == 0)
        with socket.create_connection(("127.0.0.1", local), 30) as held:
            held.sendall(b"x")
            assert held.recv(1) == b"x" and peer.open == 1
            process.kill()
            process.wait()
            wait("the pod's end of a client that is gone is closed", lambda: peer.open == 0)
    descriptors = lambda: len(os.listdir(f"/proc/{node.daemon.pid}/fd"))
    before = descriptors()
    # Where nobody listens.
    process, local = forward(server, 1)
    heard = Heard(process.stderr)
    with socket.create_connection(("127.0.0.1", local), 30) as refused:
        refused.settimeout(30)
        assert refused.recv(1) == b""
    wait("it says why", lambda: b"connect localhost:1: connection refused" in heard.text)
    process.kill()
    process.wait()
    wait("no descriptor is left", lambda: descriptors() <= before)
    node.remove(pod)


def forward(server, *ports, **more):
    """kubectl, and the ports at which it listens for these of the pod."""
    process = start(server, "port-forward", "--address", "127.0.0.1", "p", *(f":{port}" for port in ports), stdin=subprocess.DEVNULL, **more)
    lines = [process.stdout.readline() for _ in ports]
    return process, *(int(re.match(rb"Forwarding from 127\.0\.0\.1:(\d+)", line).group(1)) for line in lines)


class Program(socketserver.ThreadingTCPServer):
    """A program on the node that takes what it gets, and gives it back or not. `open`: its connections."""

    daemon_threads, request_queue_size = True, 128

    def __init__(self, gives_back):
        super().__init__(("127.0.0.1", 0), None)
        self.port, self.open, self.lock, self.gives_back = self.server_address[1], 0, threading.Lock(), gives_back

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def count(self, change):
        with self.lock:
            self.open += change

    def finish_request(self, request, _):
        self.count(1)
        try:
            while data := request.recv(1 << 16):
                if self.gives_back:
                    request.sendall(data)
        except OSError:
            pass
        finally:
            self.count(-1)


def echo(port, data):
    """Whether all that is sent comes back, with the end behind it."""
    with socket.create_connection(("127.0.0.1", port), 30) as peer:
        peer.settimeout(60)

        def send():
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        found = b"".join(iter(lambda: peer.recv(1 << 16), b""))
        sender.join(30)
        return found == data


with Node("--network", "loopback", name="kubectl") as node, APIServer(node.cri) as server:
    globals()[sys.argv[1]](node, server)
