"""A real control plane on the loopback (etcd, API server, controllers), and a node that the test plays.

The played node does what a kubelet does for the gate's pods, but runs the container's command as a local process: it
takes script and keys from the API server as the pod's spec says, and reports the status in a kubelet's words.
Running the same on a real node is what the tests in tests/e2e do.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.provider.servers import free_port
from tools.paths import bin_dir

TOKEN = "kubernetes-test-token"
NAMESPACE = "kindo-gateway"
BROKEN_IMAGE = "registry.invalid/broken:1"


@dataclass
class ControlPlane:
    url: str
    folder: Path

    def __post_init__(self) -> None:
        # The server makes its certificate while it starts; nothing secret passes here.
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, verify=False, timeout=30
        )

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def get(self, path: str) -> dict[str, Any] | None:
        answer = self.http.get(path)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(path, params=query).raise_for_status().json()["items"]
        return found

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.http.post(path, json=body).raise_for_status().json()
        return made

    def patch(self, path: str, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        self.http.patch(path, content=json.dumps(body), headers=headers).raise_for_status()

    def delete(self, path: str) -> None:
        self.http.delete(path)

    def jobs(self) -> list[dict[str, Any]]:
        return self.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")

    def secret(self, name: str) -> dict[str, Any] | None:
        return self.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")

    def write_kubeconfig(self) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self.folder / "certificates" / "apiserver.crt")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        self.kubeconfig.write_text(json.dumps(document))


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    etcd, peer, api, controllers = (free_port() for _ in range(4))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "account.key").write_bytes(private)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    plane = ControlPlane(f"https://127.0.0.1:{api}", folder)
    plane.write_kubeconfig()
    client = f"http://127.0.0.1:{etcd}"
    running = [
        _start(
            folder,
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        ),
        _start(
            folder,
            "kube-apiserver",
            f"--etcd-servers={client}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={api}",
            f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'account.key'}",
            f"--service-account-signing-key-file={folder / 'account.key'}",
        ),
    ]
    try:
        _until(lambda: plane.http.get("/readyz").status_code == 200, folder / "kube-apiserver.log")
        running.append(
            _start(
                folder,
                "kube-controller-manager",
                f"--kubeconfig={plane.kubeconfig}",
                f"--service-account-private-key-file={folder / 'account.key'}",
                "--use-service-account-credentials=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={controllers}",
                "--leader-elect=false",
                f"--cert-dir={folder / 'certificates'}",
            )
        )
        plane.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
        _until(lambda: plane.get(account) is not None, folder / "kube-controller-manager.log")
        yield plane
    finally:
        plane.http.close()
        for process in reversed(running):
            process.send_signal(signal.SIGKILL)
            process.wait()


def _start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / f"{program}.log").open("wb") as log:
        return subprocess.Popen([bin_dir() / program, *arguments], stdout=log, stderr=log, cwd=folder)


def _until(ready: Any, log: Path, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < ends, log.read_text()[-3000:]
        time.sleep(0.1)


@dataclass
class Node:
    """Runs pods of the gate as processes on this machine. `runs` counts them; `hold` leaves new pods untouched."""

    plane: ControlPlane
    folder: Path
    runs: list[str] = field(default_factory=list)
    hold: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _seen: set[str] = field(default_factory=set)

    def __enter__(self) -> Node:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for pod in self.plane.items(f"/api/v1/namespaces/{NAMESPACE}/pods"):
                uid = pod["metadata"]["uid"]
                if not self.hold and uid not in self._seen and not pod["metadata"].get("deletionTimestamp"):
                    self._seen.add(uid)
                    self._run(pod)

    def _run(self, pod: dict[str, Any]) -> None:
        container = pod["spec"]["containers"][0]
        self.runs.append(pod["metadata"]["name"])
        if container["image"] == BROKEN_IMAGE:
            error = "ErrImagePull: dial tcp: lookup registry.invalid: no such host"
            self._waiting(pod, "ImagePullBackOff", f'Back-off pulling image "{BROKEN_IMAGE}": {error}')
            return
        try:
            environment = {entry["name"]: self._value(entry) for entry in container["env"]}
        except KeyError as error:
            self._waiting(pod, "CreateContainerConfigError", str(error.args[0]))
            return
        volume = next(v for v in pod["spec"]["volumes"] if v["name"] == "script")["configMap"]["name"]
        script = self.plane.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{volume}")
        assert script is not None
        path, message_file = self.folder / "checks.py", self.folder / f"{pod['metadata']['uid']}.message"
        path.write_text(script["data"]["checks.py"])
        command = [part.replace("/gate/checks.py", str(path)) for part in container["command"]]
        done = subprocess.run(
            [sys.executable if command[0] == "python3" else command[0], *command[1:]],
            env={"PATH": os.environ["PATH"], "TERMINATION_LOG": str(message_file), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        message = message_file.read_text() if message_file.exists() else ""
        if not message and done.returncode:
            # terminationMessagePolicy: FallbackToLogsOnError
            message = (done.stdout + done.stderr)[-2048:]
        self._ended(pod, done.returncode, message[:4096])

    def _value(self, entry: dict[str, Any]) -> str:
        if "value" in entry:
            return str(entry["value"])
        reference = entry["valueFrom"]["secretKeyRef"]
        secret = self.plane.secret(reference["name"])
        if secret is None:
            raise KeyError(f'secret "{reference["name"]}" not found')
        if reference["key"] not in secret["data"]:
            raise KeyError(f"couldn't find key {reference['key']} in Secret {NAMESPACE}/{reference['name']}")
        return base64.b64decode(secret["data"][reference["key"]]).decode()

    def _waiting(self, pod: dict[str, Any], reason: str, message: str) -> None:
        self._report(pod, "Pending", {"waiting": {"reason": reason, "message": message}})

    def _ended(self, pod: dict[str, Any], code: int, message: str) -> None:
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": message}
        self._report(pod, "Succeeded" if code == 0 else "Failed", {"terminated": ended})

    def _report(self, pod: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        container = pod["spec"]["containers"][0]
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": state,
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}/status"
        try:
            self.plane.patch(path, {"status": {"phase": phase, "containerStatuses": [status]}})
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:
                raise
