#!/usr/bin/python3
"""front.py LISTEN TTRPC-SOCKET: gRPC in front of swiftletd. LISTEN is what gRPC takes: unix:///path, or 127.0.0.1:port.

Copies the bytes of requests and answers and looks into none of them: what a gRPC client of CRI sees is what swiftletd said. The
metadata, the time that the caller waits, and the status go along; the numbers of gRPC's status codes are those of ttrpc's. A client that
goes takes its call with it: the server's handler is cancelled with the connection of that call."""

import signal
import sys
import threading
from concurrent import futures

import grpc

import ttrpc

SIZE = 64 << 20
CODES = {code.value[0]: code for code in grpc.StatusCode}


def is_stream(method):
    return method == "GetContainerEvents" or method.startswith("Stream")


class Front(grpc.GenericRpcHandler):
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.client = None

    def shared(self):
        """One connection for all unary calls, made anew when the runtime was restarted."""
        with self.lock:
            if self.client is None or self.client.lost:
                try:
                    self.client = ttrpc.Client(self.path)
                except OSError as error:
                    raise ttrpc.Failure(14, f"connect {self.path}: {error.strerror}") from error
            return self.client

    def service(self, details):
        _, service, method = details.method.split("/")
        metadata = [(key, value) for key, value in details.invocation_metadata
                    if isinstance(value, str) and key != "user-agent" and not key.startswith("grpc-")]

        def unary(payload, context):
            try:
                return self.shared().unary(service, method, payload, context.time_remaining(), metadata)
            except ttrpc.Failure as failure:
                context.abort(CODES.get(failure.code, grpc.StatusCode.UNKNOWN), failure.message)

        def stream(payload, context):
            client = None
            try:
                client = ttrpc.Client(self.path)
                context.add_callback(client.close)
                yield from client.stream(service, method, payload, context.time_remaining(), metadata).messages()
            except ttrpc.Failure as failure:
                context.abort(CODES.get(failure.code, grpc.StatusCode.UNKNOWN), failure.message)
            except OSError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, f"connect {self.path}: {error.strerror}")
            finally:
                if client:
                    client.close()

        if is_stream(method):
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def main():
    listen, path = sys.argv[1:]
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64), handlers=(Front(path),),
        options=[("grpc.max_send_message_length", SIZE), ("grpc.max_receive_message_length", SIZE)])
    if not server.add_insecure_port(listen):
        sys.exit(f"listen {listen}: not possible")
    server.start()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    main()
