"""The wire is CRI's: grpcio, with messages that protoc makes, against swiftletd through a front that looks into no message."""

import os
import signal
import threading

import grpc

from node import Node, refused, wait

CODE = grpc.StatusCode

with Node("--network", "loopback", name="grpc") as node:
    cri = node.cri
    version = cri.Version(version="v1")
    assert (version.runtime_name, version.runtime_api_version) == ("swiftletd", "v1"), version
    assert {c.type: c.status for c in cri.Status().status.conditions} == {"RuntimeReady": True, "NetworkReady": True}
    image = cri.ImageStatus(image={"image": "swiftlet/busybox:tar"}).image
    assert image.id.startswith("sha256:") and "swiftlet/busybox:tar" in " ".join(image.repo_tags), image
    assert [i.id for i in cri.ListImages().images] == [image.id]

    events, ended = [], threading.Event()
    stream = cri.GetContainerEvents()

    def listen():
        try:
            for event in stream:
                events.append((event.container_id, event.container_event_type))
        except grpc.RpcError as error:
            # Its runtime is killed below.
            assert error.code() == CODE.UNAVAILABLE, error
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    pod = node.run_pod("p", labels={"app": "x"})
    refused(CODE.ALREADY_EXISTS, "the name is taken", node.run_pod, name="p")
    container = node.create(pod, "c", ["/bin/sh", "-c", "echo hello; exec sleep 1000"])
    assert cri.ContainerStatus(container_id=container).status.state == 0
    cri.StartContainer(container_id=container)
    assert node.shell(container, "echo out; echo err >&2") == "out\nerr\n"
    # Unicode and bytes that are no text come through as they are.
    answer = cri.ExecSync(container_id=container, cmd=["/bin/printf", "\\377\\000ä"])
    assert answer.stdout == b"\xff\0\xc3\xa4", answer.stdout
    # As much as one message of ttrpc holds; the rest is discarded, and the command runs to its end.
    answer = cri.ExecSync(container_id=container, cmd=["/bin/sh", "-c", "dd if=/dev/zero bs=1024 count=3900 2>/dev/null"])
    assert len(answer.stdout) == 3900 << 10
    script = "dd if=/dev/zero bs=1024 count=20000 2>/dev/null; echo after >&2; echo > /tmp/after; exit 3"
    answer = cri.ExecSync(container_id=container, cmd=["/bin/sh", "-c", script])
    assert (len(answer.stdout), answer.stderr, answer.exit_code) == ((4 << 20) - (64 << 10) - 6, b"after\n", 3), len(answer.stdout)
    assert node.shell(container, "ls /tmp/after") == "/tmp/after\n"
    refused(CODE.DEADLINE_EXCEEDED, "", cri.ExecSync, container_id=container, cmd=["/bin/sleep", "100"], timeout=2)
    refused(CODE.NOT_FOUND, "no such container", cri.ContainerStatus, container_id="ä-unknown")
    try:
        cri.channel.unary_unary("/runtime.v1.RuntimeService/NoSuchCall")(b"", timeout=10)
        raise AssertionError("answered")
    except grpc.RpcError as error:
        assert error.code() == CODE.UNIMPLEMENTED and "NoSuchCall" in error.details(), error
    try:
        cri.channel.unary_unary("/runtime.v1.RuntimeService/Version")(b"\xff\xff\xff", timeout=10)
        raise AssertionError("answered")
    except grpc.RpcError as error:
        assert error.code() == CODE.INVALID_ARGUMENT, error
    wait("the log", lambda: os.path.exists(node.logs + "/c.log") and "stdout F hello" in open(node.logs + "/c.log").read())
    # The front stays when the runtime does not, and says so meanwhile.
    node.end(signal.SIGKILL)
    refused(CODE.UNAVAILABLE, "", cri.Version)
    node.start()
    assert cri.Version(version="v1").runtime_name == "swiftletd"
    assert [c.id for c in cri.ListContainers(filter={"state": {"state": "CONTAINER_RUNNING"}}).containers] == [container]
    cri.StopContainer(container_id=container, timeout=0)
    assert cri.ContainerStatus(container_id=container).status.exit_code == 137
    cri.RemoveContainer(container_id=container)
    node.remove(pod)
    assert ended.wait(10)
    assert events[:2] == [(container, 0), (container, 1)], events
