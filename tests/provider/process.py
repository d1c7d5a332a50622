"""The dynamic provider as Pulumi runs it: its own process, spoken to over gRPC, with an engine that collects its
log.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from kindo_models.registration import resources

Props = dict[str, Any]


@dataclass(frozen=True)
class Created:
    id: str
    outputs: Props


@dataclass(frozen=True)
class Difference:
    changes: bool
    replaces: list[str]


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.messages.append(request.message)
        return empty_pb2.Empty()


class ProviderProcess:
    """`with ProviderProcess(environment) as provider:`; every operation takes the class that state refers to."""

    def __init__(self, environment: Mapping[str, str], config: Mapping[str, Any] | None = None) -> None:
        self._environment = {"PATH": os.environ["PATH"], "PULUMI_PROJECT": "kindo-models", **environment}
        self._config = dict(config or {})
        self._engine = _Engine()

    def __enter__(self) -> ProviderProcess:
        self._engine_server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
        engine_pb2_grpc.add_EngineServicer_to_server(self._engine, self._engine_server)
        port = self._engine_server.add_insecure_port("127.0.0.1:0")
        self._engine_server.start()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.dynamic", f"127.0.0.1:{port}"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._stub.Configure(provider_pb2.ConfigureRequest(args=_struct(self._config)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._channel.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._engine_server.stop(0)

    @property
    def log(self) -> list[str]:
        return list(self._engine.messages)

    def check(self, name: str, news: Props, olds: Props | None = None) -> dict[str, str]:
        """Failures by property."""
        request = provider_pb2.CheckRequest(olds=_struct(olds or {}), news=_props(name, news))
        return {failure.property: failure.reason for failure in self._stub.Check(request).failures}

    def diff(self, name: str, olds: Props, news: Props) -> Difference:
        request = provider_pb2.DiffRequest(id="id", olds=_props(name, olds), news=_props(name, news))
        answer = self._stub.Diff(request)
        return Difference(answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.replaces))

    def create(self, name: str, props: Props) -> Created:
        answer = self._stub.Create(provider_pb2.CreateRequest(properties=_props(name, props)))
        return Created(answer.id, _document(answer.properties))

    def update(self, name: str, id_: str, olds: Props, news: Props) -> Props:
        request = provider_pb2.UpdateRequest(id=id_, olds=_props(name, olds), news=_props(name, news))
        return _document(self._stub.Update(request).properties)

    def read(self, name: str, id_: str, props: Props) -> Created:
        answer = self._stub.Read(provider_pb2.ReadRequest(id=id_, properties=_props(name, props)))
        return Created(answer.id, _document(answer.properties))

    def delete(self, name: str, id_: str, props: Props) -> None:
        self._stub.Delete(provider_pb2.DeleteRequest(id=id_, properties=_props(name, props)))


def failure(error: grpc.RpcError) -> str:
    """What the engine would show."""
    details: str = error.details()
    return details


def reference(name: str) -> str:
    """The pickle that state holds for the resource class `name`."""
    return serialize_provider(getattr(resources, f"{name}Provider")())


def _props(name: str, props: Props) -> struct_pb2.Struct:
    return _struct({**props, "__provider": reference(name)})


def _struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    """As the SDK sends it: None is left out."""
    struct = struct_pb2.Struct()
    struct.update({key: value for key, value in props.items() if value is not None})
    return struct


def _document(struct: struct_pb2.Struct) -> Props:
    return {key: value for key, value in json_format.MessageToDict(struct).items() if key != "__provider"}
