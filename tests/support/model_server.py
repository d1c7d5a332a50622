"""An OpenAI-compatible server on the loopback that is healthy, except where a test says otherwise."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "deephat-v2"
KEY = "sk-canary-7b21c0aa"


@dataclass
class Reply:
    """`body`: bytes go out as they are, everything else as JSON. `seconds`: wait before it; `drip`: between its
    bytes.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    drip: float = 0.0
    hang_up: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found


Respond = Callable[[Request], Reply]


@dataclass
class Running:
    url: str
    port: int
    requests: list[Request]

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


def answer(message: dict[str, Any], finish_reason: str = "stop") -> Reply:
    return Reply(
        {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}]}
    )


def called(
    arguments: str = '{"location": "San Francisco"}', name: str = "get_weather", content: str | None = None
) -> Reply:
    function = {"name": name, "arguments": arguments}
    call = {"id": "call-1", "type": "function", "function": function}
    return answer({"content": content, "tool_calls": [call]}, "tool_calls")


def healthy(request: Request) -> Reply:
    if request.headers.get("authorization") != f"Bearer {KEY}":
        return Reply({"error": {"message": f"invalid key {request.headers.get('authorization')}"}}, 401)
    if request.path == "/v1/models":
        return Reply({"object": "list", "data": [{"id": MODEL, "object": "model"}, {"id": "other"}]})
    if request.path == "/v1/chat/completions":
        return called() if "tools" in request.json else answer({"content": "ready"})
    if request.path == "/v1/embeddings":
        return Reply({"data": [{"index": 0, "embedding": [0.25, -0.5, 0.125]}]})
    if request.path == "/v1/audio/transcriptions":
        return Reply({"text": ""})
    return Reply({"detail": "Not Found"}, 404)


@contextmanager
def model_server(routes: Mapping[str, Respond | Reply] | None = None, port: int = 0) -> Iterator[Running]:
    """`routes`: last part of the path (`models`, `completions`, `embeddings`, `transcriptions`) → its own behaviour."""
    seen: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            headers["x-client-port"] = str(self.client_address[1])
            request = Request(self.command, self.path, headers, raw)
            seen.append(request)
            own = (routes or {}).get(self.path.rpartition("/")[2])
            reply = own if isinstance(own, Reply) else own(request) if own else healthy(request)
            time.sleep(reply.seconds)
            if reply.hang_up:
                # A reset, not a polite end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            self.send(reply)

        def send(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not reply.drip:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(reply.drip)

        do_GET = do_POST = do_PUT = do_DELETE = respond

        def log_message(self, *arguments: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ValueError):
                # The client gave up, or we hung up.
                pass

        def finish(self) -> None:
            try:
                super().finish()
            except (ConnectionError, ValueError):
                pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield Running(f"http://127.0.0.1:{server.server_port}", server.server_port, seen)
    finally:
        server.shutdown()
        server.server_close()
