"""Watch policies, pods and namespaces; keep the nftables table of the namespace equal to what they say."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tools.cluster import network_policy
from tools.cluster.api import Object, async_client, list_and_watch
from tools.cluster.certificates import NODE_AGENT
from tools.cluster.network_policy import rules
from tools.paths import Instance

WATCHED = {
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
}
# Changes that come together (a Deployment's pods) are loaded together.
GATHER_SECONDS = 0.02
# A CNI call gives up before kubelet does; kubelet then tries again.
LOAD_SECONDS = 8


@dataclass
class Enforcer:
    instance: Instance
    # kind -> uid -> object; a kind that is absent has not been listed yet.
    objects: dict[str, dict[str, Object]] = field(default_factory=dict)
    # Addresses as the CNI plugin announced them, container id -> {uid, address}. The API server learns an address
    # only after the containers have started.
    announced: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: int = 0  # counts changes
    loaded: asyncio.Condition = field(default_factory=asyncio.Condition)
    in_force: int = -1  # the count up to which changes are loaded
    text: str = ""

    async def run(self) -> None:
        self._recall()
        path = network_policy.socket_path(self.instance)
        path.unlink(missing_ok=True)
        async with async_client(self.instance, NODE_AGENT) as api, asyncio.TaskGroup() as tasks:
            for kind in WATCHED:
                tasks.create_task(self._follow(api, kind))
            tasks.create_task(self._load_changes())
            server = await asyncio.start_unix_server(lambda reader, writer: self._serve(api, reader, writer), path)
            path.chmod(0o600)
            tasks.create_task(server.serve_forever())

    async def _follow(self, api: httpx.AsyncClient, kind: str) -> None:
        async for change in list_and_watch(api, WATCHED[kind]):
            if isinstance(change, list):
                self.objects[kind] = {item["metadata"]["uid"]: item for item in change}
            else:
                event, item = change
                if event == "DELETED":
                    self.objects[kind].pop(item["metadata"]["uid"], None)
                else:
                    self.objects[kind][item["metadata"]["uid"]] = item
            self._note_change()

    def _note_change(self) -> int:
        self.wanted += 1
        self.changed.set()
        return self.wanted

    async def _load_changes(self) -> None:
        while True:
            await self.changed.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self.changed.clear()
            if len(self.objects) < len(WATCHED):
                continue  # the rules of an earlier enforcer stay in force until everything is known
            count = self.wanted
            try:
                text = self.rules()
                if text != self.text:
                    await _nft(text)
                    self.text = text
            except Exception as error:
                # Keep the rules that are in force; pods that wait for newer ones do not start.
                print(f"rules not loaded: {error}", flush=True)
                await asyncio.sleep(0.5)
                self.changed.set()
                continue
            async with self.loaded:
                self.in_force = count
                self.loaded.notify_all()

    def rules(self) -> str:
        addresses = {entry["uid"]: entry["address"] for entry in self.announced.values()}
        pods = [_with_address(pod, addresses.get(uid)) for uid, pod in self.objects["pods"].items()]
        return rules.compile(
            self.objects["policies"].values(), pods, self.objects["namespaces"].values(), self.instance.node_ip
        )

    async def _serve(self, api: httpx.AsyncClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call: the CNI plugin's ADD or DEL, or `status` of the cluster tool."""
        try:
            call = json.loads(await reader.readline())
            reply = await self._answer(api, call)
        except Exception as error:
            reply = f"{type(error).__name__}: {error}".replace("\n", " ")
        writer.write(f"{reply}\n".encode())
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def _answer(self, api: httpx.AsyncClient, call: dict[str, str]) -> str:
        if call["command"] == "STATUS":
            return "ok" if self.in_force >= 0 else "not synchronised yet"
        if call["command"] == "DEL":
            self.announced.pop(call["container"], None)
            self._file(call["container"]).unlink(missing_ok=True)
            self._note_change()
            return "ok"
        entry = {"uid": call["uid"], "address": call["address"]}
        # The same address cannot belong to two: whoever had it before has gone without a DEL.
        for container in [key for key, other in self.announced.items() if other["address"] == entry["address"]]:
            self.announced.pop(container)
            self._file(container).unlink(missing_ok=True)
        self.announced[call["container"]] = entry
        self._file(call["container"]).write_text(json.dumps(entry))
        async with asyncio.timeout(LOAD_SECONDS):
            await self._loaded(0)
            await self._know_pod(api, call)
            await self._loaded(self._note_change())
        return "ok"

    async def _loaded(self, count: int) -> None:
        async with self.loaded:
            await self.loaded.wait_for(lambda: self.in_force >= count)

    async def _know_pod(self, api: httpx.AsyncClient, call: dict[str, str]) -> None:
        """The pod's labels decide its rules; kubelet may have seen the pod before our watch did."""
        if call["uid"] in self.objects["pods"]:
            return
        answer = await api.get(f"/api/v1/namespaces/{call['namespace']}/pods/{call['name']}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return  # deleted meanwhile; kubelet will notice
        answer.raise_for_status()
        pod = answer.json()
        if pod["metadata"]["uid"] == call["uid"]:
            self.objects["pods"].setdefault(call["uid"], pod)

    def _file(self, container: str) -> Path:
        return network_policy.registrations(self.instance) / container

    def _recall(self) -> None:
        """What was announced to an earlier enforcer."""
        directory = network_policy.registrations(self.instance)
        directory.mkdir(parents=True, exist_ok=True)
        # In order of time: of two sandboxes of one pod the later counts.
        for file in sorted(directory.iterdir(), key=lambda file: file.stat().st_mtime_ns):
            with suppress(ValueError):  # half-written
                self.announced[file.name] = json.loads(file.read_text())


def _with_address(pod: Object, address: str | None) -> Object:
    """The pod with the address that its sandbox has now. Its status may know less (the sandbox is new) or the wrong
    one (written before a reboot, when another pod has the address by now)."""
    if pod["spec"].get("hostNetwork"):
        return pod
    known: Object = {"podIP": address, "podIPs": [{"ip": address}]} if address else {"podIP": None, "podIPs": []}
    return {**pod, "status": {**(pod.get("status") or {}), **known}}


async def _nft(text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "nft",
        "-f",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(text.encode())
    if process.returncode:
        raise RuntimeError(f"nft: {output.decode().strip()}")
