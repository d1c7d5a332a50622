"""`kubectl` on a test's cluster, and pods that can talk."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tools.paths import Instance, bin_dir
from tools.setup import images

Object = dict[str, Any]

# Answers with its own name, and logs one line when it is ready.
SERVER = """
import http.server, os, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.uname().nodename.encode())
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("", 8000), Handler)
print("listening", flush=True)
server.serve_forever()
"""

# Prints what a GET answered, or the kind of failure.
GET = """
import sys, urllib.request
try: print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode().strip())
except Exception as error: print("failed:", error)
"""


@dataclass(frozen=True)
class Kubectl:
    instance: Instance
    namespace: str = "default"

    def __call__(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        done = self.run(*arguments, stdin=stdin)
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=120, check=False
        )

    def command(self, *arguments: str) -> list[str]:
        return [
            str(bin_dir() / "kubectl"),
            f"--kubeconfig={self.instance.kubeconfig}",
            "-n",
            self.namespace,
            *arguments,
        ]

    def apply(self, *objects: Object) -> None:
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def get(self, *arguments: str) -> Object:
        found: Object = json.loads(self("get", *arguments, "-o", "json"))
        return found

    def ready(self, *names: str, seconds: float = 60) -> None:
        pods = [f"pod/{name}" for name in names]
        self("wait", "--for=condition=Ready", f"--timeout={seconds:.0f}s", *pods)

    def http(self, pod: str, url: str, *, seconds: float = 3) -> str:
        """What `pod` gets from `url`, or a text that begins with `failed:`."""
        return self("exec", pod, "--", "python3", "-c", GET, url, str(seconds)).strip()

    @contextmanager
    def port_forward(self, target: str, port: int) -> Iterator[int]:
        """The local port that leads to `port` of the target."""
        command = self.command("port-forward", target, f":{port}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()  # Forwarding from 127.0.0.1:PORT -> 8000
                yield int(line.split(" -> ")[0].rpartition(":")[2])
            finally:
                process.terminate()


@contextmanager
def own_namespace(instance: Instance, name: str) -> Iterator[Kubectl]:
    """A namespace for a test, gone afterwards: others look at what is there."""
    Kubectl(instance)("create", "namespace", name)
    try:
        yield Kubectl(instance, name)
    finally:
        Kubectl(instance)("delete", "namespace", name, "--timeout=60s")


def python_pod(
    name: str,
    *,
    program: str = SERVER,
    labels: Mapping[str, str] | None = None,
    serves: bool = True,
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
) -> Object:
    """A pod that runs a Python program; `serves` adds the port and the readiness probe of SERVER."""
    serving = {
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {"app": name})},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "python",
                    # Any of the stack's images with Python will do; this one is small.
                    "image": images.references()["ollama-smollm2"],
                    "imagePullPolicy": "Never",
                    "command": ["python3", "-c", program],
                    **(serving if serves else {}),
                    **(container or {}),
                }
            ],
            **(pod or {}),
        },
    }


def service(name: str, **spec: Any) -> Object:
    """A Service in front of the pods labelled `app: NAME`."""
    content = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": content}


def eventually(holds: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait until it holds; returns how long that took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic() - start
