"""CRI as a gRPC client speaks it: messages that protoc makes of proto/runtime/v1 when a test runs, calls by the names of the services.

    protoc -I proto --python_out=DIR proto/runtime/v1/api.proto proto/runtime/v1/api_service.proto
    PYTHONPATH=DIR:Integration/front python3 …
"""

import grpc
from google.protobuf import json_format
from runtime.v1 import api_pb2, api_service_pb2

SIZE = 64 << 20


class CRI:
    """cri.Version(version="v1") → VersionResponse. A call's arguments are the fields of its request, as dictionaries and lists, and `deadline`,
    the seconds that the client waits."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=[
            ("grpc.max_send_message_length", SIZE), ("grpc.max_receive_message_length", SIZE), ("grpc.enable_http_proxy", 0)])
        for name in ("RuntimeService", "ImageService"):
            service = api_service_pb2.DESCRIPTOR.services_by_name[name]
            for method in service.methods:
                setattr(self, method.name, self.call(service, method))

    def call(self, service, method):
        request, answer = (getattr(api_pb2, kind.name) for kind in (method.input_type, method.output_type))
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        send = make(f"/{service.full_name}/{method.name}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString)

        def perform(deadline=60, metadata=None, **values):
            return send(json_format.ParseDict(values, request()), timeout=deadline, metadata=metadata)

        return perform


def pod(name, logs="", **more):
    """A PodSandboxConfig."""
    config = {"metadata": {"name": name, "namespace": "tests", "uid": f"uid-{name}"}, "hostname": name, "log_directory": logs, "linux": {}}
    config.update(more)
    return config


def container(name, command, image="swiftlet/busybox:tar", **more):
    """A ContainerConfig."""
    config = {"metadata": {"name": name}, "image": {"image": image}, "command": command, "log_path": f"{name}.log", "linux": {}}
    config.update(more)
    return config
