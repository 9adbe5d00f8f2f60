"""What kubectl asks of an API server and a kubelet for exec, attach and port-forward, and no more. An upgraded connection's bytes are
passed on, unread, to the URL that swiftletd gave for it, as a kubelet does; nothing here knows what is spoken on it."""

import http.server
import json
import select
import socket
import threading
import urllib.parse

RESOURCES = [{"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["create", "get"]} for name, kind in (
    ("pods", "Pod"), ("pods/exec", "PodExecOptions"), ("pods/attach", "PodAttachOptions"), ("pods/portforward", "PodPortForwardOptions"))]


class APIServer(http.server.ThreadingHTTPServer):
    """`pods`: by name, {"id": …, "containers": {name: {"id": …, "tty": …, "stdin": …}}}."""

    daemon_threads = True

    def __init__(self, cri):
        super().__init__(("127.0.0.1", 0), Handler)
        self.cri, self.pods, self.asked = cri, {}, []
        self.url = "http://127.0.0.1:%d" % self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def pod(self, name):
        known = self.pods[name]
        containers = [dict(name=container, image="i", tty=options.get("tty", False), stdin=options.get("stdin", False))
                      for container, options in known["containers"].items()]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": known["id"]},
                "spec": {"containers": containers}, "status": {"phase": "Running"}}

    def stream(self, name, verb, query):
        """The URL for a stream, from what the client wants of it."""
        known = self.pods[name]
        if verb == "portforward":
            return self.cri.PortForward(pod_sandbox_id=known["id"]).url
        wishes = {key: query.get(key) == ["true"] for key in ("stdin", "stdout", "stderr", "tty")}
        container = known["containers"][query.get("container", list(known["containers"]))[0]]["id"]
        if verb == "exec":
            return self.cri.Exec(container_id=container, cmd=query["command"], **wishes).url
        return self.cri.Attach(container_id=container, **wishes).url


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        parts = path.path.strip("/").split("/")
        if parts == ["version"]:
            self.answer({"major": "1", "minor": "30", "gitVersion": "v1.30.0"})
        elif parts == ["api"]:
            self.answer({"kind": "APIVersions", "versions": ["v1"]})
        elif parts == ["apis"]:
            self.answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
        elif parts == ["api", "v1"]:
            self.answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": RESOURCES})
        elif parts[:5] == ["api", "v1", "namespaces", "default", "pods"] and len(parts) > 5 and parts[5] in self.server.pods:
            if len(parts) == 6:
                self.answer(self.server.pod(parts[5]))
            else:
                self.pass_on(self.server.stream(parts[5], parts[6], urllib.parse.parse_qs(path.query)))
        else:
            self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "message": self.path, "code": 404}, 404)

    do_POST = do_GET

    def pass_on(self, url):
        self.server.asked.append((self.command, self.headers["Upgrade"], self.headers.get_all("X-Stream-Protocol-Version")))
        parts = urllib.parse.urlsplit(url)
        head = [f"{self.command} {parts.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in self.headers.items()]
        with socket.create_connection((parts.hostname, parts.port)) as upstream:
            upstream.sendall("\r\n".join(head + ["", ""]).encode("latin-1"))
            threads = [threading.Thread(target=target, args=(self.connection, upstream), daemon=True) for target in (copy, watch)]
            for thread in threads:
                thread.start()
            copy(upstream, self.connection)
            for thread in threads:
                thread.join()
        self.close_connection = True


def copy(source, target):
    """Until one of the two is closed: then so is the other."""
    try:
        while data := source.recv(1 << 18):
            target.sendall(data)
    except OSError:
        pass
    end(target, source)


def watch(client, upstream):
    """Until the client has gone: while nobody takes what it sent, `copy` does not see that."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    poll.poll()
    end(upstream, client)


def end(*connections):
    for connection in connections:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
