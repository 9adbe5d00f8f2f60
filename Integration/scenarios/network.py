"""Pod networks by Debian's CNI plugins, in a network namespace that the test has made. Runs the scenario that is named."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import grpc

from node import Node, refused, wait

CODE = grpc.StatusCode
PLUGINS = "/usr/lib/cni"


def config(node_name, *plugins, version="1.0.0", name="pods", **more):
    directory = f"{os.environ['SCRATCH']}/{node_name}.d"
    os.makedirs(directory, exist_ok=True)
    with open(directory + "/10-pods.conflist", "w") as file:
        json.dump({"cniVersion": version, "name": name, "plugins": plugins, **more}, file)
    return directory


def bridge(node_name, *subnets):
    return {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True,
            "ipam": {"type": "host-local", "dataDir": f"{os.environ['SCRATCH']}/{node_name}.ipam",
                     "ranges": [[{"subnet": subnet}] for subnet in subnets],
                     "routes": [{"dst": "0.0.0.0/0"}]}}


def script(name, text):
    """A plugin of the test's own."""
    directory = os.environ["SCRATCH"] + "/plugins"
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/{name}", "w") as file:
        file.write(text)
    os.chmod(file.name, 0o755)
    return directory


def links():
    """Of the test's own namespace: /sys is the host's."""
    return [link["ifname"] for link in json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout)]


def veths():
    return sorted(name for name in links() if name.startswith("veth"))


def rules():
    out = subprocess.run("iptables-save; ip6tables-save", shell=True, capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if line.startswith("-A") and ("CNI-DN" in line or "CNI-" in line and "dnat" in line)]


def addresses(name):
    directory = f"{os.environ['SCRATCH']}/{name}.ipam/pods"
    return sorted(x for x in os.listdir(directory) if x != "lock" and not x.startswith("last_reserved")) if os.path.isdir(directory) else []


def ask(port, host="127.0.0.1"):
    with socket.create_connection((host, port), 5) as peer:
        peer.sendall(b"hello\n")
        peer.shutdown(socket.SHUT_WR)
        out = b""
        while part := peer.recv(4096):
            out += part
        return out


def condition(node):
    return next(c for c in node.cri.Status().status.conditions if c.type == "NetworkReady")


def pods_reach_each_other():
    """Addresses of both families, a host port, bandwidth; a restart in between; nothing left."""
    name = "reach"
    directory = config(
        name, bridge(name, "10.88.0.0/24", "fd00:88::/64"), {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}})
    with Node("--cni-config", directory, name=name) as node:
        assert condition(node).status, condition(node)
        pod = node.run_pod("server", port_mappings=[{"container_port": 80, "host_port": 8080}],
                           annotations={"kubernetes.io/ingress-bandwidth": "100M", "kubernetes.io/egress-bandwidth": "100M"})
        other = node.run_pod("client")
        status = node.cri.PodSandboxStatus(pod_sandbox_id=pod).status.network
        assert status.ip.startswith("10.88.0.") and [ip.ip[:8] for ip in status.additional_ips] == ["fd00:88:"], status
        node.run(pod, "web", ["/bin/nc", "-ll", "-p", "80", "-e", "/bin/cat"])
        client = node.run(other, "client", ["/bin/sleep", "1000"])
        wait("the server answers", lambda: node.shell(client, f"echo over | nc -w 2 {status.ip} 80") == "over\n")
        limits = subprocess.run(["tc", "qdisc"], capture_output=True, text=True, check=True).stdout
        assert limits.count("qdisc tbf") == 2 and "rate 100Mbit" in limits, limits
        assert ask(8080, open_address()) == b"hello\n", "the host's port does not lead to the pod"
        assert len(node.info(pod)["cniResult"]["ips"]) == 2, node.info(pod)
        node.end(signal.SIGKILL)
        node.start()
        assert node.cri.PodSandboxStatus(pod_sandbox_id=pod).status.network.ip == status.ip
        assert len(addresses(name)) == 4 and len(veths()) == 2 and rules(), (addresses(name), veths(), rules())
        # The configuration went: what the cache remembers is enough.
        os.remove(directory + "/10-pods.conflist")
        node.remove(pod)
        node.remove(other)
        assert (addresses(name), veths(), rules()) == ([], [], []), (addresses(name), veths(), rules())
        assert sorted(links()) == ["cni0", "lo"], links()


def open_address():
    """Of the bridge: the host's own address, by which a host port is asked for."""
    out = json.loads(subprocess.run(["ip", "-j", "-4", "addr", "show", "cni0"], capture_output=True, check=True).stdout)
    return out[0]["addr_info"][0]["local"]


def refusals_and_checks():
    """What no plugin can do, and what makes no sense, is refused before anything is made; what went wrong with a network since is told."""
    name = "ports"
    directory = config(name, bridge(name, "10.89.0.0/24"))
    with Node("--cni-config", directory, name=name) as node:
        refused(CODE.FAILED_PRECONDITION, "config.port_mappings: no plugin of network pods has the capability portMappings",
                node.run_pod, name="a", port_mappings=[{"container_port": 80, "host_port": 8080}])
        refused(CODE.INVALID_ARGUMENT, "config.port_mappings[0].host_port: 70000", node.run_pod, name="a",
                port_mappings=[{"container_port": 80, "host_port": 70000}])
        refused(CODE.INVALID_ARGUMENT, "kubernetes.io/ingress-bandwidth", node.run_pod, name="a",
                annotations={"kubernetes.io/ingress-bandwidth": "fast"})
        assert (addresses(name), veths(), node.leftovers()) == ([], [], [])
        pod = node.run_pod("a")
        assert node.info(pod)["networkCheck"] == "ok", node.info(pod)
        namespace = node.info(pod)["directory"] + "/net"
        subprocess.run(["nsenter", f"--net={namespace}", "ip", "addr", "flush", "dev", "eth0"], check=True)
        assert "CHECK network pods by bridge" in node.info(pod)["networkCheck"], node.info(pod)
        node.remove(pod)
        assert (addresses(name), veths()) == ([], [])


def no_network():
    """Without a configuration, and with wrong ones: the reason in Status, pods with the node's network run, others do not."""
    name = "none"
    directory = os.environ["SCRATCH"] + "/none.d"
    with Node("--cni-config", directory, "--cni-plugins", PLUGINS, name=name) as node:
        host = {"linux": {"security_context": {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}}}
        for write, words in [
                (lambda: None, f"find network in {directory}: no network configuration"),
                (lambda: config(name, {"type": "no-such"}), "find network plugin no-such: not in /usr/lib/cni"),
                (lambda: config(name, {"type": "bridge"}, version="0.1.0"), "cniVersion `0.1.0` is not supported"),
                (lambda: config(name, {"type": "bridge"}, version="1.1.0"), "cniVersion 1.1.0 is not among those that it supports"),
                (lambda: open(directory + "/05-bad.conf", "w").write("{"), "05-bad.conf: invalid JSON")]:
            write()
            found = condition(node)
            assert not found.status and found.reason == "NetworkPluginNotReady" and words in found.message, found
            if "1.1.0" not in words:
                refused(CODE.FAILED_PRECONDITION, words, node.run_pod, name="p")
            assert node.leftovers() == []
        pod = node.run_pod("p", **host)
        container = node.run(pod, "c", ["/bin/sleep", "1000"])
        assert node.cri.PodSandboxStatus(pod_sandbox_id=pod).status.network.ip == ""
        assert node.shell(container, "echo up") == "up\n"
        node.remove(pod)


def plugins_that_fail_and_hang():
    """A second plugin that fails undoes the first; one that hangs is killed with its children, and only its pod waits for it."""
    name = "bad"
    path = script("trouble", """#!/bin/sh
cat > /dev/null
case $CNI_COMMAND in
VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}' ;;
ADD) case $(cat "$SCRATCH/trouble") in
    fail) echo '{"cniVersion": "1.0.0", "code": 100, "msg": "no more addresses", "details": "on the moon"}'; exit 1 ;;
    say) echo 'not a word of JSON' ;;
    hang) sleep 1000 & echo $! > "$SCRATCH/child"; wait ;;
    esac ;;
esac
""")
    directory = config(name, bridge(name, "10.90.0.0/24"), {"type": "trouble"})
    mode = os.environ["SCRATCH"] + "/trouble"
    with Node("--cni-config", directory, "--cni-plugins", f"{path}:{PLUGINS}", name=name, environment={"SWIFTLET_CNI_SECONDS": "3"}) as node:
        for word, code, text in [
                ("fail", CODE.UNKNOWN, "ADD network pods by trouble: no more addresses; on the moon"),
                ("say", CODE.INTERNAL, "ADD network pods by trouble: the answer cannot be used: it is no JSON"),
                ("hang", CODE.DEADLINE_EXCEEDED, "ADD network pods by trouble: not done after 3 s; it was killed")]:
            open(mode, "w").write(word)
            refused(code, text, node.run_pod, name="p")
            assert (addresses(name), veths(), node.leftovers()) == ([], [], []), (addresses(name), veths(), node.leftovers())
        child = int(open(os.environ["SCRATCH"] + "/child").read())
        wait("the plugin's child is gone", lambda: not os.path.exists(f"/proc/{child}"))


def new_verbs():
    """A network of CNI 1.1: STATUS is asked, and GC is told which pods are there; what a crash left is deleted."""
    name = "new"
    log = os.environ["SCRATCH"] + "/verbs"
    path = script("modern", f"""#!/bin/sh
input=$(cat)
echo "$CNI_COMMAND $CNI_CONTAINERID $input" >> {log}
case $CNI_COMMAND in
VERSION) echo '{{"cniVersion": "1.1.0", "supportedVersions": ["1.0.0", "1.1.0"]}}' ;;
ADD) echo '{{"cniVersion": "1.1.0", "ips": [{{"address": "10.0.0.9/24"}}]}}' ;;
STATUS) [ ! -e {log}.down ] || {{ echo '{{"code": 50, "msg": "the wire is cut"}}'; exit 1; }} ;;
esac
""")
    directory = config(name, {"type": "modern", "capabilities": {"ipRanges": True}}, version="1.0.0", cniVersions=["1.1.0"])
    with Node("--cni-config", directory, "--cni-plugins", path, name=name) as node:
        refused(CODE.INVALID_ARGUMENT, "pod_cidr: `10.0.0.0` is no subnet", node.cri.UpdateRuntimeConfig,
                runtime_config={"network_config": {"pod_cidr": "10.0.0.0"}})
        node.cri.UpdateRuntimeConfig(runtime_config={"network_config": {"pod_cidr": "10.0.0.0/24"}})
        assert condition(node).status
        open(log + ".down", "w").close()
        assert condition(node).message == "STATUS network pods by modern: the wire is cut"
        os.remove(log + ".down")
        pod, gone = node.run_pod("stays"), node.run_pod("goes")
        assert node.cri.PodSandboxStatus(pod_sandbox_id=pod).status.network.ip == "10.0.0.9"
        assert '"runtimeConfig":{"ipRanges":[[{"subnet":"10.0.0.0/24"}]]}' in open(log).read(), open(log).read()
        node.end(signal.SIGKILL)
        # As if the crash had come before the pod was remembered.
        cache = f"{node.work}/root/networks/pods-{gone}-eth0"
        orphan = "f" * 64
        data = open(cache).read().replace(gone, orphan)
        open(cache.replace(gone, orphan), "w").write(data)
        open(log, "w").close()
        node.start()
        lines = open(log).read().splitlines()
        assert [line.split()[0] for line in lines] == ["DEL", "GC"], lines
        assert lines[0].split()[1] == orphan
        valid = json.loads(lines[1].split(" ", 2)[2])["cni.dev/valid-attachments"]
        assert sorted(x["containerID"] for x in valid) == sorted([pod, gone]), valid
        node.remove(pod)
        node.remove(gone)


globals()[sys.argv[1]]()
