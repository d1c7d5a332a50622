"""Make a Service of the cluster reachable from the host at ``node_ip:PORT``: a small TCP forwarder.

The host has no route to Service addresses, and must not have one. The forwarder runs inside the namespace and dials
the Service's ClusterIP, so that kube-proxy picks a ready pod, as it would for any client in the cluster.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

import httpx

from tools.cluster.api import async_client
from tools.cluster.certificates import NODE_AGENT
from tools.cluster.components import Component, python_environment
from tools.paths import Instance
from tools.processes import Process

# Of the processes' names.
PREFIX = "forward-"
# A Service that was deleted and made again has another address.
REMEMBER_SECONDS = 2
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Target:
    """A port of a Service, written ``NAMESPACE/NAME:PORT``; PORT is the Service's own, by number or by name."""

    namespace: str
    name: str
    port: str

    @classmethod
    def parse(cls, text: str) -> Target:
        if not (match := re.fullmatch(r"([a-z0-9-]+)/([a-z0-9-]+):([a-z0-9-]+)", text)):
            raise ValueError(f"Service {text!r} is not NAMESPACE/NAME:PORT, for example kindo-gateway/litellm:4000.")
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}"


def start(instance: Instance, name: str, *, port: int, service: str) -> None:
    """Run a forwarder as the process `forward-<name>`; the Service may be made later."""
    component(instance, name, port=port, service=service).start()


def stop(instance: Instance, name: str) -> None:
    Process(instance, _process_name(name)).stop()


def _process_name(name: str) -> str:
    return f"{PREFIX}{name}"


def component(instance: Instance, name: str, *, port: int, service: str) -> Component:
    target = Target.parse(service)
    return Component(
        instance,
        _process_name(name),
        (sys.executable, "-m", "tools.cluster.forward", instance.name, str(instance.index), str(port), str(target)),
        healthy=lambda: _listens(instance.node_ip, port),
        environment=python_environment(),
    )


@dataclass
class Forwarder:
    instance: Instance
    port: int
    target: Target
    _address: tuple[str, int] | None = None
    _asked: float = 0

    async def run(self) -> None:
        async with async_client(self.instance, NODE_AGENT) as api:
            server = await asyncio.start_server(
                lambda reader, writer: self._forward(api, reader, writer), self.instance.node_ip, self.port
            )
            await server.serve_forever()

    async def _forward(
        self, api: httpx.AsyncClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            address = await self._resolve(api)
            async with asyncio.timeout(CONNECT_SECONDS):
                far_reader, far_writer = await asyncio.open_connection(*address)
        except (OSError, TimeoutError, LookupError, httpx.HTTPError) as error:
            print(f"{self.target}: {type(error).__name__}: {error}", flush=True)
            _reset(writer)
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()
        far_writer.close()

    async def _resolve(self, api: httpx.AsyncClient) -> tuple[str, int]:
        if self._address is None or time.monotonic() - self._asked > REMEMBER_SECONDS:
            self._address = None
            path = f"/api/v1/namespaces/{self.target.namespace}/services/{self.target.name}"
            answer = await api.get(path)
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise LookupError("there is no such Service")
            spec = answer.raise_for_status().json()["spec"]
            ports = [
                port["port"] for port in spec["ports"] if self.target.port in (str(port["port"]), port.get("name"))
            ]
            if not ports or spec.get("clusterIP") in (None, "", "None"):
                raise LookupError("the Service has no such port, or no ClusterIP")
            self._address, self._asked = (spec["clusterIP"], ports[0]), time.monotonic()
        return self._address


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, until its sender has finished; then say so to the receiver, who may still have to answer."""
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
        return
    with suppress(OSError):
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, so that the client does not take it for an empty answer."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _listens(address: str, port: int) -> bool:
    with socket.create_connection((address, port), timeout=1):
        return True


if __name__ == "__main__":
    name, index, port_text, service_text = sys.argv[1:]
    asyncio.run(Forwarder(Instance(name, int(index)), int(port_text), Target.parse(service_text)).run())
