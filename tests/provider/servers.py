"""Servers of the provider tests: the Kindo admin API stand-in as a process, and misbehaving ones on the loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).parents[2]
ADMIN_KEY = "canary-admin-key-5f1d"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class AdminApi:
    """The running stand-in, seen with a key of its own."""

    url: str
    process: subprocess.Popen[bytes]

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, headers={"x-api-key": ADMIN_KEY})

    def models(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get("/superadmin/models").json()["data"]
        return rows

    def providers(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get("/superadmin/model-providers").json()["data"]
        return rows

    def add_provider(self, name: str) -> str:
        return str(
            self.http.post("/superadmin/model-providers", json={"displayName": name}).raise_for_status().json()["id"]
        )

    def fault(self, **fault: Any) -> None:
        self.http.post("/stand-in/faults", json=fault).raise_for_status()

    def requests(self) -> list[tuple[str, str]]:
        return [(entry["method"], entry["path"]) for entry in self.http.get("/stand-in/requests").json()]

    def clear_journal(self) -> None:
        self.http.delete("/stand-in/faults").raise_for_status()

    def key_fingerprint(self, model_id: str) -> str | None:
        found: str | None = self.http.get(f"/stand-in/models/{model_id}/fingerprints").json().get("apiKey")
        return found


@contextmanager
def admin_api(*keys: str) -> Iterator[AdminApi]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.peripherals.kindo_admin", "--port", str(port), "--faults"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "KINDO_ADMIN_API_KEY": ",".join((ADMIN_KEY, *keys))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    api = AdminApi(f"http://127.0.0.1:{port}", process)
    try:
        _wait(lambda: api.http.get("/health").status_code == 200)
        yield api
    finally:
        api.http.close()
        process.terminate()
        process.wait(10)


def _wait(ready: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except httpx.TransportError:
            if time.monotonic() > ends:
                raise
        time.sleep(0.05)


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Respond = Callable[[str, str, Any, dict[str, str]], Answer]


@contextmanager
def loopback(respond: Respond) -> Iterator[str]:
    """A server whose answers `respond(method, path with query, parsed JSON body, headers)` decides; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            answer = respond(self.command, self.path, body, dict(self.headers))
            content = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
