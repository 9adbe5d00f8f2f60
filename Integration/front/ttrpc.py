"""A ttrpc client: frames of a ten-byte header and a payload, ttrpc.Request and ttrpc.Response encoded by hand. No generated code."""

import queue
import socket
import struct
import threading

REQUEST, RESPONSE, DATA = 1, 2, 3
REMOTE_CLOSED, REMOTE_OPEN, NO_DATA = 1, 2, 4
MOST_PAYLOAD = 4 << 20


class Failure(Exception):
    """What the server answered instead: a code of google.rpc.Code and its words."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field of a protobuf message: an integer, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a protobuf message in their order, as (number, integer or bytes)."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        elif key & 7 == 2:
            size = number()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def request(service, method, payload, timeout=None, metadata=()):
    """ttrpc.Request."""
    out = field(1, service.encode()) + field(2, method.encode()) + field(3, payload)
    if timeout is not None:
        out += field(4, max(1, int(timeout * 1e9)))
    for key, value in metadata:
        out += field(5, field(1, key.encode()) + field(2, value.encode()))
    return out


def response(data):
    """The payload of a ttrpc.Response; raises what its status says."""
    payload = b""
    for number, value in fields(data):
        if number == 1:
            status = dict(fields(value))
            if status.get(1, 0):
                raise Failure(status[1], status.get(2, b"").decode())
        elif number == 2:
            payload = value
    return payload


class Call:
    """One stream of a connection: frames come through `frames`, and nothing after a Failure."""

    def __init__(self, client, stream):
        self.client, self.stream, self.frames = client, stream, queue.Queue()

    def send(self, payload):
        self.client.write(self.stream, DATA, 0, payload)

    def close(self):
        self.client.write(self.stream, DATA, REMOTE_CLOSED | NO_DATA, b"")

    def messages(self):
        """The messages of a streaming answer until its end."""
        while True:
            frame = self.frames.get()
            if isinstance(frame, Exception):
                raise frame
            kind, flags, payload = frame
            if kind == RESPONSE:
                last = response(payload)
                if last:
                    yield last
                return
            if not flags & NO_DATA:
                yield payload
            if flags & REMOTE_CLOSED:
                return

    def drop(self):
        with self.client.lock:
            self.client.calls.pop(self.stream, None)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lock = threading.Lock()
        self.sending = threading.Lock()
        self.calls, self.next, self.lost = {}, 1, None
        threading.Thread(target=self.receive, daemon=True).start()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def write(self, stream, kind, flags, payload):
        if len(payload) > MOST_PAYLOAD:
            raise Failure(8, f"message of {len(payload)} bytes: more than {MOST_PAYLOAD}")
        with self.sending:
            self.socket.sendall(struct.pack(">IIBB", len(payload), stream, kind, flags) + payload)

    def begin(self, service, method, payload, timeout=None, metadata=(), flags=0):
        with self.lock:
            if self.lost:
                raise self.lost
            stream = self.next
            self.next += 2
            call = self.calls[stream] = Call(self, stream)
            # Ids rise on the wire too: sent before the next call gets its own.
            self.write(stream, REQUEST, flags, request(service, method, payload, timeout, metadata))
        return call

    def unary(self, service, method, payload, timeout=None, metadata=()):
        call = self.begin(service, method, payload, timeout, metadata)
        frame = call.frames.get()
        if isinstance(frame, Exception):
            raise frame
        return response(frame[2])

    def stream(self, service, method, payload, timeout=None, metadata=()):
        """A call that is answered with messages."""
        return self.begin(service, method, payload, timeout, metadata, REMOTE_CLOSED)

    def duplex(self, service, method, payload=b"", timeout=None, metadata=()):
        """A call in which both sides send messages."""
        return self.begin(service, method, payload, timeout, metadata, REMOTE_OPEN)

    def receive(self):
        try:
            while True:
                size, stream, kind, flags = struct.unpack(">IIBB", self.exactly(10))
                payload = self.exactly(size)
                with self.lock:
                    call = self.calls.get(stream)
                    if call and (kind == RESPONSE or flags & REMOTE_CLOSED):
                        del self.calls[stream]
                if call:
                    call.frames.put((kind, flags, payload))
        except OSError as error:
            with self.lock:
                self.lost = Failure(14, f"connection to the runtime: {error}")
                calls, self.calls = list(self.calls.values()), {}
            for call in calls:
                call.frames.put(self.lost)

    def exactly(self, count):
        parts = []
        while count:
            part = self.socket.recv(min(count, 1 << 20))
            if not part:
                raise ConnectionError("closed")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
