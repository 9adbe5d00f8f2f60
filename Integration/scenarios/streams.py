"""Exec, Attach and PortForward: as ttrpc streams, and by a WebSocket library that knows nothing of this project. Runs the scenario named."""

import asyncio
import http.client
import json
import os
import signal
import socket
import struct
import sys
import urllib.parse

import grpc
import websockets

import ttrpc
from node import Node, refused, wait
from swiftlet.plugin.v1 import streaming_pb2 as wire

CODE = grpc.StatusCode
SERVICE = "swiftlet.plugin.v1.Streaming"
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
HOST = {"linux": {"security_context": {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}}}


def connect(url, *protocols, **more):
    return websockets.connect(url.replace("http://", "ws://"), subprotocols=list(protocols) or None, max_size=None, **more)


class Peer:
    """The client's end of the remotecommand protocol."""

    def __init__(self, socket):
        self.socket, self.out, self.first, self.status, self.closed = socket, {1: b"", 2: b""}, None, None, None

    async def send(self, channel, data=b""):
        await self.socket.send(bytes([channel]) + data)

    async def read(self, until=lambda peer: False, each=None):
        """Collects until the server closes, or `until` says so."""
        try:
            while not until(self):
                message = await asyncio.wait_for(self.socket.recv(), 30)
                if self.first is None:
                    self.first = message
                if message[0] == 3:
                    self.status = json.loads(message[1:])
                else:
                    self.out[message[0]] += message[1:]
                if each:
                    await each(message)
        except websockets.ConnectionClosed as closed:
            self.closed = closed.code
        return self


def exec_url(node, container, *command, **flags):
    wishes = {"stdin": False, "stdout": True, "stderr": True, "tty": False}
    wishes.update(flags)
    return node.cri.Exec(container_id=container, cmd=list(command), **wishes).url


async def run(node, container, *command, protocol=V5, stdin=None, **flags):
    async with connect(exec_url(node, container, *command, stdin=stdin is not None, **flags), protocol) as socket:
        assert socket.subprotocol == protocol, socket.subprotocol
        peer = Peer(socket)
        if stdin is not None:
            await peer.send(0, stdin)
            await peer.send(255, b"\0")
        return await peer.read()


async def vanish(socket):
    """Without a word: the connection is reset."""
    socket.transport.abort()
    while not socket.closed:
        await asyncio.sleep(0.01)


def execs(node):
    """Processes in the containers of the node beside their own programs, by the directories that swiftletd keeps for them."""
    path = node.work + "/state/exec"
    return os.listdir(path) if os.path.isdir(path) else []


async def websocket_exec(node):
    pod = node.run_pod("p", **HOST)
    container = node.run(pod, "c", ["/bin/sleep", "1000"])
    peer = await run(node, container, "/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert (peer.first, peer.out, peer.closed) == (b"\1", {1: b"out\n", 2: b"err\n"}, 1000), vars(peer)
    assert peer.status["status"] == "Failure" and peer.status["reason"] == "NonZeroExitCode", peer.status
    assert peer.status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}], peer.status
    peer = await run(node, container, "/bin/true", protocol=V4)
    assert peer.status == {"metadata": {}, "status": "Success"}, peer.status
    # stdin of v5 ends by itself, and the output comes after it.
    data = os.urandom(3 << 20)
    peer = await run(node, container, "/bin/sh", "-c", "cat; echo end >&2", stdin=data)
    assert peer.out[1] == data and peer.out[2] == b"end\n" and peer.status["status"] == "Success", len(peer.out[1])
    # A terminal has one output, and a size.
    async with connect(exec_url(node, container, "/bin/sh", tty=True, stdin=True, stderr=False), V4) as socket:
        peer = Peer(socket)
        await peer.send(4, b'{"Width": 101, "Height": 37}')
        await peer.send(0, b"while [ \"$(stty size)\" != '37 101' ]; do :; done; echo size $(stty size) $TERM; tty >&2\n")
        await peer.read(until=lambda peer: b"size 37 101 xterm" in peer.out[1] and b"/dev/pts/" in peer.out[1])
        await peer.send(4, b'{"Width": 55, "Height": 22}')
        await peer.send(0, b"while [ \"$(stty size)\" != '22 55' ]; do :; done; exit 3\n")
        await peer.read()
        assert peer.status["details"]["causes"][0]["message"] == "3", vars(peer)
    wait("no exec is left", lambda: not execs(node))
    node.remove(pod)


async def back_pressure(node):
    """A client that reads slowly slows the program down, and gets every byte; other calls go on."""
    pod = node.run_pod("p", **HOST)
    container = node.run(pod, "c", ["/bin/sleep", "1000"])
    size = 24 << 20
    script = f"dd if=/dev/zero bs=65536 count={size >> 16} 2>/dev/null; echo done >&2"
    async with connect(exec_url(node, container, "/bin/sh", "-c", script), V5, max_queue=1, read_limit=65536) as socket:
        peer = Peer(socket)
        await peer.read(until=lambda peer: len(peer.out[1]) > 65536)
        # While nobody reads, the program does not come to its end.
        assert node.shell(container, "ps | grep -c '[d]d if=/dev/zero'").strip() != "0"
        await asyncio.sleep(0.3)
        assert node.shell(container, "ps | grep -c '[d]d if=/dev/zero'").strip() != "0", "it ran ahead of its client"
        assert resident(node.daemon.pid) < 250 << 20
        await peer.read()
        assert (len(peer.out[1]), peer.out[2], peer.status["status"]) == (size, b"done\n", "Success"), (len(peer.out[1]), peer.out[2])
    # The other way: a program that does not read holds its client up.
    node.shell(container, "mkfifo /tmp/go")
    async with connect(exec_url(node, container, "/bin/sh", "-c", "read x < /tmp/go; wc -c", stdin=True), V5) as socket:
        peer = Peer(socket)

        async def feed():
            for _ in range(size >> 16):
                await peer.send(0, bytes(65536))
            await peer.send(255, b"\0")

        feeding = asyncio.create_task(feed())
        await asyncio.sleep(0.5)
        assert not feeding.done(), "24 MiB went somewhere"
        node.shell(container, "echo > /tmp/go")
        await peer.read()
        await feeding
        assert peer.out[1].strip() == str(size).encode(), vars(peer)
    node.remove(pod)


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096


async def gone_clients(node):
    """What a client that goes had started is ended; the container and the others are not touched."""
    pod = node.run_pod("p", **HOST)
    container = node.run(pod, "c", ["/bin/sleep", "1000"])
    count = lambda: node.shell(container, "ps | grep -c '[s]leep 777'").strip()
    socket = await connect(exec_url(node, container, "/bin/sh", "-c", "echo up; exec sleep 777", stdin=True), V5)
    await Peer(socket).read(until=lambda peer: peer.out[1] == b"up\n")
    assert count() != "0"
    await vanish(socket)
    wait("the command of a client that is gone is ended", lambda: count() == "0")
    client = ttrpc.Client(node.socket)
    call = client.duplex(SERVICE, "Exec")
    call.send(wire.CommandInput(exec=dict(container_id=container, cmd=["/bin/sh", "-c", "echo up; exec sleep 777"], stdout=True)).SerializeToString())
    messages = map(wire.CommandOutput.FromString, call.messages())
    assert [next(messages).WhichOneof("content") for _ in range(2)] == ["started", "stdout"]
    assert count() != "0"
    client.close()
    wait("the command of a ttrpc client that is gone is ended", lambda: count() == "0")
    # And of an ExecSync whose caller does not wait for it.
    refused(CODE.DEADLINE_EXCEEDED, "", node.cri.ExecSync, container_id=container, cmd=["/bin/sleep", "777"], deadline=1)
    wait("the command of a caller that is gone is ended", lambda: count() == "0")
    # One that ends its connection while much is on its way to it.
    socket = await connect(exec_url(node, container, "/bin/cat", "/dev/zero"), V5)
    await Peer(socket).read(until=lambda peer: len(peer.out[1]) > 1 << 20)
    await vanish(socket)
    wait("no exec is left", lambda: not execs(node))
    assert "cat /dev/zero" not in node.shell(container, "ps")
    before = descriptors(node)
    for _ in range(20):
        await run(node, container, "/bin/true")
    wait("no descriptor is left", lambda: descriptors(node) <= before)
    node.remove(pod)


def descriptors(node):
    return len(os.listdir(f"/proc/{node.daemon.pid}/fd"))


def raw(url, **headers):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


async def refusals(node):
    pod = node.run_pod("p", **HOST)
    container = node.run(pod, "c", ["/bin/sleep", "1000"])
    url = exec_url(node, container, "/bin/true")
    assert urllib.parse.urlsplit(url).hostname == "127.0.0.1", url
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
    for headers, status, words in [
            ({}, 400, "a WebSocket or SPDY/3.1 is wanted"),
            ({"Connection": "Upgrade", "Upgrade": "SPDY/2"}, 400, "upgrade to spdy/2 is not supported"),
            ({"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}, 400, "X-Stream-Protocol-Version is required"),
            ({"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v9.channel.k8s.io"}, 403, "server accepts v4.channel.k8s.io"),
            (upgrade, 400, "none of the subprotocols (none) is known"),
            (dict(upgrade, **{"Sec-WebSocket-Protocol": "v9.channel.k8s.io"}), 400, "v5.channel.k8s.io, v4.channel.k8s.io")]:
        found = raw(url, **headers)
        assert found[0] == status and words in found[1], found
    # What was refused did not use the ticket up; what was served did.
    async with connect(url, V5) as socket:
        assert (await Peer(socket).read()).status["status"] == "Success"
    assert raw(url)[0] == 404 and raw(url.rsplit("/", 1)[0] + "/" + "0" * 64)[0] == 404
    other = exec_url(node, container, "/bin/true")
    assert raw(other.replace("/exec/", "/attach/"))[0] == 404
    refused(CODE.NOT_FOUND, "no such container", node.cri.Exec, container_id="nope", cmd=["x"], stdout=True)
    refused(CODE.INVALID_ARGUMENT, "one of stdin, stdout and stderr", node.cri.Exec, container_id=container, cmd=["x"])
    refused(CODE.INVALID_ARGUMENT, "stderr: a terminal has one output", node.cri.Exec, container_id=container, cmd=["x"], stdout=True, stderr=True, tty=True)
    refused(CODE.INVALID_ARGUMENT, "cmd: is empty", node.cri.Exec, container_id=container, stdout=True)
    refused(CODE.INVALID_ARGUMENT, "made without stdin", node.cri.Attach, container_id=container, stdin=True)
    refused(CODE.INVALID_ARGUMENT, "has no terminal", node.cri.Attach, container_id=container, stdout=True, tty=True)
    refused(CODE.INVALID_ARGUMENT, "port: 70000 is no port", node.cri.PortForward, pod_sandbox_id=pod, port=[70000])
    # What goes wrong later is the status on the error channel.
    peer = await run(node, container, "/no/such/program")
    assert peer.status["status"] == "Failure" and "/no/such/program" in peer.status["message"], peer.status
    # A message of a channel that there is not.
    async with connect(exec_url(node, container, "/bin/sleep", "777", stdin=True), V5) as socket:
        await socket.send(b"\7what")
        peer = await Peer(socket).read()
        assert peer.status["status"] == "Failure", vars(peer)
    wait("no exec is left", lambda: not execs(node))
    created = node.create(pod, "later", ["/bin/true"])
    refused(CODE.FAILED_PRECONDITION, "must be running", node.cri.Exec, container_id=created, cmd=["x"], stdout=True)
    for first, words in [(wire.CommandInput(stdin=b"x"), "the first message must be exec"),
                         (wire.CommandInput(exec=dict(container_id="nope", cmd=["x"], stdout=True)), "no such container")]:
        client = ttrpc.Client(node.socket)
        call = client.duplex(SERVICE, "Exec")
        call.send(first.SerializeToString())
        try:
            raise AssertionError(list(call.messages()))
        except ttrpc.Failure as failure:
            assert words in failure.message, failure
        client.close()
    node.remove(pod)


async def ttrpc_streams(node):
    pod = node.run_pod("p", **HOST)
    container = node.run(pod, "c", ["/bin/sleep", "1000"])
    client = ttrpc.Client(node.socket)
    call = client.duplex(SERVICE, "Exec")
    call.send(wire.CommandInput(exec=dict(
        container_id=container, cmd=["/bin/sh", "-c", "cat; echo bye >&2; exit 5"], stdin=True, stdout=True, stderr=True)).SerializeToString())
    call.send(wire.CommandInput(stdin=b"one ").SerializeToString())
    call.send(wire.CommandInput(stdin=b"two").SerializeToString())
    call.close()
    out = {"stdout": b"", "stderr": b""}
    for data in call.messages():
        message = wire.CommandOutput.FromString(data)
        kind = message.WhichOneof("content")
        if kind in out:
            out[kind] += getattr(message, kind)
        last = message
    assert out == {"stdout": b"one two", "stderr": b"bye\n"} and last.exited.code == 5, (out, last)
    client.close()
    node.remove(pod)


async def attach(node):
    pod = node.run_pod("p", **HOST)
    talker = node.create(pod, "talker", ["/bin/sh", "-c", "while read line; do echo \"got $line\"; echo \"err $line\" >&2; done; echo end; exit 4"],
                         stdin=True, stdin_once=True)
    # Attached before the start, so that nothing is missed.
    url = node.cri.Attach(container_id=talker, stdin=True, stdout=True, stderr=True).url
    listener = node.cri.Attach(container_id=talker, stdout=True).url
    async with connect(url, V5) as socket, connect(listener, V4) as second:
        peer, other = Peer(socket), Peer(second)
        await peer.read(until=lambda peer: peer.first == b"\1")
        await other.read(until=lambda peer: peer.first == b"\1")
        node.cri.StartContainer(container_id=talker)
        await peer.send(0, b"a\n")
        await peer.read(until=lambda peer: peer.out == {1: b"got a\n", 2: b"err a\n"})
        await peer.send(0, b"b")
        await peer.send(255, b"\0")
        await asyncio.gather(peer.read(), other.read())
        # `read` gives a line without end to nobody: what counts is that stdin ended.
        assert peer.out[1].endswith(b"end\n") and other.out[1] == peer.out[1] and other.out[2] == b"", (peer.out, other.out)
        assert peer.status["details"]["causes"][0]["message"] == "4" and peer.closed == 1000, vars(peer)
    log = open(node.logs + "/talker.log").read()
    assert "stdout F got a\n" in log and "stderr F err a\n" in log and "stdout F end\n" in log, log
    # A terminal: the prompt is seen although its line has no end; a second attach finds the same shell.
    shell = node.run(pod, "shell", ["/bin/sh"], stdin=True, tty=True, envs=[{"key": "PS1", "value": "c2F5PiA="}])
    for word in ("first", "second"):
        async with connect(node.cri.Attach(container_id=shell, stdin=True, stdout=True, tty=True).url, V5) as socket:
            peer = Peer(socket)
            await peer.send(0, f"x=${{x}}+; echo {word}$x\n".encode())
            await peer.read(until=lambda peer: f"{word}+".encode() in peer.out[1] and b"say> " in peer.out[1])
    assert b"second++" in peer.out[1], peer.out
    # The daemon's death ends the connection and nothing else.
    node.end(signal.SIGKILL)
    node.start()
    async with connect(node.cri.Attach(container_id=shell, stdin=True, stdout=True, tty=True).url, V5) as socket:
        peer = Peer(socket)
        await peer.send(0, b"x=${x}+; echo third$x\nexit 6\n")
        await peer.read()
        assert b"third+++" in peer.out[1] and peer.status["details"]["causes"][0]["message"] == "6", vars(peer)
    # A client that goes, of a container with stdin_once: its stdin ends.
    once = node.run(pod, "once", ["/bin/cat"], stdin=True, stdin_once=True)
    socket = await connect(node.cri.Attach(container_id=once, stdin=True, stdout=True).url, V5)
    peer = Peer(socket)
    await peer.send(0, b"x\n")
    await peer.read(until=lambda peer: peer.out[1] == b"x\n")
    await vanish(socket)
    wait("it ended", lambda: node.cri.ContainerStatus(container_id=once).status.state == 2)
    # Much output: a client that reads gets all of it; one that does not holds the container up for a while and is then dropped, and told.
    noisy = node.run(pod, "noisy", ["/bin/sh", "-c", "mkfifo /tmp/go; read x < /tmp/go; dd if=/dev/zero bs=65536 count=160 2>/dev/null | tr '\\0' 'a'; echo; echo end"])
    wait("it waits", lambda: node.shell(noisy, "[ -p /tmp/go ] && echo yes") == "yes\n")
    async with connect(node.cri.Attach(container_id=noisy, stdout=True).url, V5) as socket, \
            connect(node.cri.Attach(container_id=noisy, stdout=True).url, V5, max_queue=1, read_limit=65536) as second:
        peer, stalled = Peer(socket), Peer(second)
        await peer.read(until=lambda peer: peer.first == b"\1")
        await stalled.read(until=lambda peer: peer.first == b"\1")
        node.shell(noisy, "echo > /tmp/go")
        await peer.read()
        assert len(peer.out[1].replace(b"\n", b"")) == (160 << 16) + 3 and peer.status["status"] == "Success", len(peer.out[1])
        await stalled.read()
        assert stalled.status["status"] == "Failure" and "output is missing" in stalled.status["message"], stalled.status
    assert open(node.logs + "/noisy.log").read().count("a") == 160 << 16
    node.remove(pod)


async def port_forward(node):
    """Into a pod of its own network, and into one with the node's."""
    for name, options in (("own", {}), ("host", HOST)):
        pod = node.run_pod(name, **options)
        port = 18080
        container = node.run(pod, name, ["/bin/nc", "-ll", "-p", str(port), "-e", "/bin/cat"])
        wait("it listens", lambda: node.shell(container, f"echo x | nc -w 1 127.0.0.1 {port}") == "x\n")
        data = os.urandom(2 << 20)
        # Natively.
        client = ttrpc.Client(node.socket)
        call = client.duplex(SERVICE, "PortForward")
        call.send(wire.PortInput(start=dict(pod_sandbox_id=pod, port=port)).SerializeToString())
        messages = map(wire.PortOutput.FromString, call.messages())
        assert next(messages).WhichOneof("content") == "connected"
        for at in range(0, len(data), 60000):
            call.send(wire.PortInput(data=data[at:at + 60000]).SerializeToString())
        call.send(wire.PortInput(close={}).SerializeToString())
        assert b"".join(message.data for message in messages) == data
        call = client.duplex(SERVICE, "PortForward")
        call.send(wire.PortInput(start=dict(pod_sandbox_id=pod, port=1)).SerializeToString())
        try:
            raise AssertionError(list(call.messages()))
        except ttrpc.Failure as failure:
            assert "connect localhost:1: connection refused" in failure.message, failure
        client.close()
        # Over a WebSocket: two ports, of which nobody listens on the second.
        async with connect(node.cri.PortForward(pod_sandbox_id=pod, port=[port, 1]).url, V4) as socket:
            heads, received, error = set(), b"", b""
            while len(heads) < 4:
                message = await asyncio.wait_for(socket.recv(), 10)
                heads.add(message)
            assert heads == {bytes([n]) + struct.pack("<H", port if n < 2 else 1) for n in range(4)}, heads

            async def feed():
                for at in range(0, len(data), 60000):
                    await socket.send(b"\0" + data[at:at + 60000])

            feeding = asyncio.create_task(feed())
            while len(received) < len(data) or not error:
                message = await asyncio.wait_for(socket.recv(), 10)
                if message[0] == 0:
                    received += message[1:]
                elif message[0] == 3:
                    error += message[1:]
                else:
                    raise AssertionError(message[:20])
            await feeding
            assert received == data and b"connection refused" in error, (len(received), error)
        node.remove(pod)
        refused(CODE.NOT_FOUND, "no such pod sandbox", node.cri.PortForward, pod_sandbox_id=pod, port=[port])


with Node("--network", "loopback", name="streams") as node:
    asyncio.run(globals()[sys.argv[1]](node))
