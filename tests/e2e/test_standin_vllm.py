"""The vLLM stand-in as built for the image: the real shim in front of the real simulator, over real requests."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.paths import REPOSITORY, bin_dir

KEY = "sk-vllm-right"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["location"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
TOOLS = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
ASK = [{"role": "user", "content": "What is the weather in New York?"}]


class Server:
    """One shim process and a client for it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
            trust_env=False,
        )

    def wait_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"ended with {self.process.returncode}"
            try:
                if self.http.get("/health").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("not ready")

    def chat(self, messages: Any = ASK, **more: Any) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json={"model": "served", "messages": messages, **more})

    def message(self, **more: Any) -> dict[str, Any]:
        answer = self.chat(**more)
        assert answer.status_code == 200, answer.text
        message: dict[str, Any] = answer.json()["choices"][0]["message"]
        return message


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `vllm-shim MODEL --served-model-name served …`; stops all at the end."""
    servers: list[Server] = []

    def make(*arguments: str, model: str = "org/model", ready: bool = True, **environment: str) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [bin_dir() / "vllm-shim", model, "--served-model-name", "served", "--port", str(port), *arguments],
            env={"PATH": os.environ["PATH"], "VLLM_API_KEY": KEY, **environment},
        )
        servers.append(Server(port, process))
        if ready:
            servers[-1].wait_ready()
        return servers[-1]

    yield make
    for server in servers:
        server.http.close()
        server.process.kill()
        server.process.wait(10)


def test_a_shim_that_is_killed_takes_the_simulator_along(start: Start) -> None:
    process = start().process
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    (simulator,) = listed.stdout.split()
    process.kill()
    process.wait(10)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{simulator}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_shims_own_tests_pass() -> None:
    done = subprocess.run(
        ["go", "test", "./..."],
        cwd=REPOSITORY / "tools" / "go" / "vllm-shim",
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--enable-chunked-prefill", "true"], 2, "vllm: error: unrecognized arguments: true"),
        (["--swap-space", "4"], 2, "vllm: error: unrecognized arguments: --swap-space 4"),
        (["--dtype", "bf16"], 2, "vllm serve: error: argument --dtype: invalid choice: 'bf16'"),
        (
            ["--tool-call-parser", "qwen3", "--enable-auto-tool-choice"],
            1,
            "invalid tool call parser: qwen3 (chose from",
        ),
        (["--reasoning-parser", "qwen2"], 1, "Reasoning parser 'qwen2' not found"),
    ],
    ids=lambda value: value[0].lstrip("-") if isinstance(value, list) else None,
)
def test_what_vllm_refuses_ends_the_start_in_its_words(
    start: Start, arguments: list[str], code: int, words: str
) -> None:
    done = subprocess.run(
        [bin_dir() / "vllm-shim", "org/model", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == code
    assert words in done.stderr


def test_what_vllm_knows_and_the_simulator_does_not_is_taken(start: Start) -> None:
    served = start("--tensor-parallel-size", "2", "--trust-remote-code", "--max-model-len", "250000", "--dtype", "auto")
    (model,) = served.http.get("/v1/models").json()["data"]
    assert (model["id"], model["root"], model["max_model_len"]) == ("served", "org/model", 250000)
    assert served.http.get("/version").json() == {"version": "0.33.0"}


def test_auto_calls_the_right_tool_every_time(start: Start) -> None:
    served = start(*TOOLS)
    for choice in [None, "auto", "required"] * 10:
        more = {} if choice is None else {"tool_choice": choice}
        answer = served.chat(tools=[TIME, WEATHER], **more).json()
        (call,) = answer["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == "get_weather"
        assert json.loads(call["function"]["arguments"]) == {"location": "New York"}
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        assert answer["usage"]["total_tokens"] > 0


def test_a_named_tool_is_called_and_none_calls_nothing(start: Start) -> None:
    served = start(*TOOLS)
    named = served.message(tools=[TIME, WEATHER], tool_choice={"type": "function", "function": {"name": "get_time"}})
    assert named["tool_calls"][0]["function"] == {"name": "get_time", "arguments": "{}"}
    assert served.message(tools=[WEATHER], tool_choice="none")["content"]
    missing = served.chat(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "other"}})
    assert missing.status_code == 400


def test_the_result_of_a_tool_is_answered_in_words(start: Start) -> None:
    served = start(*TOOLS)
    call = served.message(tools=[WEATHER])["tool_calls"][0]
    messages = [
        *ASK,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "15 degrees"},
    ]
    message = served.message(messages=messages, tools=[WEATHER])
    assert message["content"]
    assert not message.get("tool_calls")


def test_without_the_parser_a_tool_request_is_refused_as_vllm_does(start: Start) -> None:
    served = start()
    for choice, words in (
        ("auto", '"auto" tool choice requires --enable-auto-tool-choice'),
        ("required", "requires --tool"),
    ):
        answer = served.chat(tools=[WEATHER], tool_choice=choice)
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
    assert served.message()["content"]


def test_a_streamed_tool_call_adds_up(start: Start) -> None:
    served = start(*TOOLS)
    name, arguments, reasons, usage = "", "", [], None
    body = {"model": "served", "messages": ASK, "tools": [WEATHER], "stream": True}
    with served.http.stream(
        "POST", "/v1/chat/completions", json={**body, "stream_options": {"include_usage": True}}
    ) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    for chunk in map(json.loads, lines[:-1]):
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            reasons.append(choice["finish_reason"])
            for call in choice["delta"].get("tool_calls", []):
                name += call["function"].get("name", "")
                arguments += call["function"].get("arguments", "")
    assert name == "get_weather"
    assert json.loads(arguments) == {"location": "New York"}
    assert reasons[-1] == "tool_calls"
    assert usage is not None


def test_a_streamed_answer_arrives_in_pieces(start: Start) -> None:
    served = start()
    body = {"model": "served", "messages": ASK, "stream": True, "max_tokens": 12}
    with served.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        chunks = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: {")]
    assert len(chunks) > 3
    assert "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_the_key_guards_v1_and_leaves_invocations_open(start: Start) -> None:
    served = start()
    without = httpx.Client(base_url=served.http.base_url, trust_env=False, timeout=30)
    refused = without.get("/v1/models")
    assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})
    assert without.get("/health").status_code == 200
    assert without.get("/metrics").text.count("vllm:") > 10
    # vLLM's own gap, which the NetworkPolicy closes.
    assert without.post("/invocations", json={"messages": ASK}).status_code == 200
    assert served.http.get("/admin/config").status_code == 404


def test_another_name_is_not_found(start: Start) -> None:
    answer = start().http.post("/v1/chat/completions", json={"model": "org/model", "messages": ASK})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "The model `org/model` does not exist."


def test_embeddings_and_transcription(start: Start) -> None:
    embedding = start(model="BAAI/bge-m3").http.post("/v1/embeddings", json={"model": "served", "input": ["a", "b"]})
    assert [len(row["embedding"]) for row in embedding.json()["data"]] == [1024, 1024]
    clip = io.BytesIO()
    with wave.open(clip, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(b"\0\0" * 16000)
    whisper = start(model="openai/whisper-large-v3").http
    files = {"file": ("clip.wav", clip.getvalue(), "audio/wav")}
    for form in ("json", "verbose_json", "text"):
        answer = whisper.post(
            "/v1/audio/transcriptions", data={"model": "served", "response_format": form}, files=files
        )
        assert "1.0 seconds" in answer.json()["text"], answer.text
    assert whisper.post("/v1/chat/completions", json={"model": "served", "messages": ASK}).status_code == 404


# --- what tests of the gate switch on


def test_it_listens_only_after_its_start_up_time(start: Start) -> None:
    began = time.monotonic()
    served = start(ready=False, SHIM_STARTUP_SECONDS="2")
    time.sleep(0.7)
    with pytest.raises(httpx.ConnectError):
        served.http.get("/health")
    served.wait_ready()
    assert time.monotonic() - began >= 2


def test_faults_of_the_answer(start: Start) -> None:
    assert not start(*TOOLS, SHIM_FAULT="no-tool-call").message(tools=[WEATHER]).get("tool_calls")
    wrong_parser = start(*TOOLS, SHIM_FAULT="auto-only")
    assert not wrong_parser.message(tools=[WEATHER]).get("tool_calls")
    assert wrong_parser.message(tools=[WEATHER], tool_choice="required")["tool_calls"]
    assert "<tool_call>" in start(*TOOLS, SHIM_FAULT="tool-markup").message(tools=[WEATHER])["content"]
    broken = start(*TOOLS, SHIM_FAULT="bad-arguments").message(tools=[WEATHER])["tool_calls"][0]["function"]
    with pytest.raises(ValueError):
        json.loads(broken["arguments"])


def test_faults_of_the_server(start: Start) -> None:
    assert start(SHIM_FAULT="wrong-name").chat().status_code == 404
    assert start(SHIM_FAULT="http-500").chat().status_code == 500
    assert start(SHIM_FAULT="unhealthy", ready=False).process.poll() is None
    crashing = start(SHIM_FAULT="crash", ready=False)
    assert crashing.process.wait(30) == 1
    later = start(SHIM_FAULT="crash-on-request")
    with pytest.raises(httpx.TransportError):
        later.chat()
    assert later.process.wait(30) == 1


# --- its end


@pytest.mark.parametrize(("timeout", "finishes"), [("30", True), ("0", False)])
def test_a_running_request_is_drained_for_the_shutdown_timeout(start: Start, timeout: str, finishes: bool) -> None:
    from concurrent.futures import ThreadPoolExecutor

    served = start("--shutdown-timeout", timeout, SHIM_FAULT="slow", SHIM_DELAY_SECONDS="2")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(served.chat)
        time.sleep(0.7)
        served.process.send_signal(signal.SIGTERM)
        if finishes:
            assert running.result().status_code == 200
        else:
            with pytest.raises(httpx.TransportError):
                running.result()
    assert served.process.wait(30) == 0


def test_nothing_of_it_stays_when_it_is_stopped(start: Start) -> None:
    served = start()
    children = subprocess.run(
        ["ps", "--ppid", str(served.process.pid), "-o", "pid="], capture_output=True, text=True, check=True
    ).stdout.split()
    assert children
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}/exe")]
