"""Checks of one model endpoint, seen from where this script runs: does it resolve, list the model, and answer as
declared?

Runs in two ways. As a script in any image with Python >= 3.9 (the gate's Job mounts this file from a ConfigMap and the
image need not know kindo-models), and imported by the package. Therefore: the standard library only, one file.

As a script it reads its input from the environment:

    CHECKS            JSON list of checks; one object per check, fields as in `Check`
    MODEL             name under which the verdict is reported
    STARTUP_SECONDS   how long a server may still be starting (default 0): refused connections, unknown Service names,
                      502 and 503 are tried again until then
    DEADLINE_SECONDS  after this the verdict is written, whatever is still running (default 600)
    TERMINATION_LOG   where the verdict goes (default /dev/termination-log)
    <key_env>         the API keys that checks name

It prints one line per check and writes the verdict as JSON, at most 4096 bytes (Kubernetes cuts termination messages
there):

    {"model": "deephat-v2", "status": "pass|fail|skipped", "checks": [{"check": "tool-call", "via": "direct",
     "status": "pass|fail|skipped", "seconds": 1.2, "cause": "", "fix": "", "evidence": "…"}]}

`cause` is a key of CAUSES. Exit status 0 whenever a verdict was reached, 2 when the input is unusable.
"""

from __future__ import annotations

import difflib
import http.client
import io
import json
import math
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import wave
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

VERDICT_BYTES = 4096
EVIDENCE_CHARACTERS = 400
ANSWER_BYTES = 4 * 1024 * 1024
# A server that answers but does not list the model yet is given this long, not the whole start-up time: otherwise
# a misspelt name would be reported only after half an hour.
LISTING_SECONDS = 30.0
# One plain-text answer may be chance; the second is the parser.
AUTO_ATTEMPTS = 2

# Each cause: what to do about it. `{field}` is filled from the check and its endpoint.
CAUSES: dict[str, str] = {
    "dns-not-found": (
        "The name {host} does not resolve from the gateway's position. Check the spelling of apiBase, that the "
        "Service exists (SERVICE.NAMESPACE.svc.cluster.local), and that the name is not known only outside the "
        "cluster (split DNS)."
    ),
    "dns-unavailable": "The DNS server did not answer. Check CoreDNS and that egress to port 53 is allowed.",
    "connection-refused": (
        "Nothing listens on {host}:{port}. Check the port of apiBase, that the model server runs (kubectl get "
        "pods), and that its Service has ready endpoints."
    ),
    "connection-reset": (
        "{host}:{port} closed the connection. Check the model server's log, and http against https in apiBase."
    ),
    "unreachable": "There is no route to {host}. Check NetworkPolicies, firewalls and the address.",
    "tls-invalid": (
        "The certificate of {host} was refused. Check its chain, name and expiry, whether apiBase should be "
        "http://, and that the authority is trusted in the gateway image."
    ),
    "timeout": (
        "No answer within {timeout:g} s. Check egress NetworkPolicies and firewalls towards {host}:{port}, and the "
        "load of the server."
    ),
    "unauthorized": (
        "The key was refused (401). Check {key}: is it set, current, and the one that this server was given?"
    ),
    "forbidden": "The key is known but may not do this (403). Check what {key} is allowed to use.",
    "route-not-found": (
        "{url} does not exist on this server (404). apiBase of an OpenAI-compatible server ends in /v1."
    ),
    "model-not-found": (
        "The server does not know the model {model!r}. The served name, the suffix of litellmModel and "
        "litellmModelName must be one string (vLLM: --served-model-name {model})."
    ),
    "model-not-listed": (
        "The server lists other models. The served name, the suffix of litellmModel and litellmModelName must be "
        "one string (vLLM: --served-model-name {model})."
    ),
    "server-not-ready": (
        "The model server's pods do not become ready. kubectl describe pod and kubectl logs say more; a slow start "
        "needs a larger serving.startupSeconds."
    ),
    "bad-request": "The server refused the request; its message says why.",
    "rate-limited": "The endpoint limits this key (429). Wait, or raise the quota.",
    "server-error": "The server failed. Read its log.",
    "redirected": (
        "The server answers with a redirect, which gateways do not follow. Put the final address into apiBase."
    ),
    "not-json": (
        "The answer is not JSON, so something else answers at {url}: a proxy, a login page, an ingress. Check apiBase."
    ),
    "unexpected-answer": (
        "The answer is JSON, but not what an OpenAI-compatible server sends. Check apiBase and what serves it."
    ),
    "empty-answer": "The model answered with no text. Check its chat template and its log.",
    "tool-call-parser-missing": (
        "The model answered in plain text instead of a tool call, so agents will not work. Start vLLM with "
        "--enable-auto-tool-choice and --tool-call-parser {parser}."
    ),
    "invalid-tool-arguments": (
        "The tool call's arguments are not what the tool's schema asks for. The parser probably belongs to another "
        "model family; expected --tool-call-parser {parser}."
    ),
    "wrong-tool-called": (
        "The model called a tool that was not offered. Check --tool-call-parser (expected {parser}) and the chat "
        "template."
    ),
    "markup-in-content": (
        "Markup of the tool call is left in the text, so the parser understands this model's format only in part; "
        "expected --tool-call-parser {parser}."
    ),
    "budget-exhausted-by-reasoning": (
        "The model spent all {max_tokens} tokens before it answered. Set --reasoning-parser, and raise the check's "
        "max_tokens."
    ),
    "invalid-embedding": (
        "The vector is empty, not finite or all zeros. Check that the server runs this model as an embeddings model."
    ),
    "wrong-dimension": "The vector has another length than declared. Check the model and its dimension setting.",
    "invalid-url": "apiBase must look like http://HOST:PORT/v1 or https://HOST/v1.",
    "key-missing": "{key} is not set where the check runs. Check the Secret that holds the model keys.",
    "check-error": "The check itself failed; please report it with this evidence.",
    "earlier-check-failed": "",
    "gate-not-runnable": (
        "The gate's pod could not run. Check image, pull secret, node capacity, the keys' Secret and the "
        "namespace's policies."
    ),
}

# Traces of tool-call formats that a matching parser would have removed from the text.
TOOL_MARKUP = re.compile(
    r"<tool_call>|</tool_call>|<function=|<\|python_tag\|>|\[TOOL_CALLS\]|<｜tool|<\|tool_calls?|functools\[|<\|channel\|>|<tool_calls>"
)

GET_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current weather for a location",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}

DEFAULT_TIMEOUTS = {
    "dns": 5.0,
    "models": 10.0,
    "tool-call": 60.0,
    "chat": 60.0,
    "embeddings": 30.0,
    "transcription": 60.0,
}

T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """One check. `base_url` is the endpoint's OpenAI-compatible root (…/v1), `model` the name that it must know."""

    check: str
    base_url: str
    model: str
    # "direct": the model's own endpoint; "gateway": the same model asked through the gateway.
    via: str = "direct"
    # Environment variable with the API key; None for endpoints without one.
    key_env: str | None = None
    # "Authorization" sends "Bearer KEY"; any other header (x-api-key, api-key) sends the bare key.
    key_header: str = "Authorization"
    # Further headers that are no secret (anthropic-version).
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 0.0
    # Budget of an answer. Reasoning models need 1024 or more.
    max_tokens: int = 256
    # vLLM's --tool-call-parser for this model, named in the fix.
    expected_parser: str | None = None
    # Length that an embedding must have; None accepts any.
    dimension: int | None = None

    @property
    def timeout(self) -> float:
        return self.timeout_seconds or DEFAULT_TIMEOUTS[self.check]

    def url(self, path: str = "") -> str:
        return self.base_url.rstrip("/") + path


@dataclass(frozen=True)
class CheckResult:
    check: str
    status: str
    seconds: float = 0.0
    cause: str = ""
    fix: str = ""
    evidence: str = ""
    via: str = "direct"


@dataclass(frozen=True)
class Verdict:
    model: str
    status: str
    checks: tuple[CheckResult, ...] = ()

    @classmethod
    def of(cls, model: str, results: Iterable[CheckResult]) -> Verdict:
        """`fail` if a check failed, `skipped` if none ran, else `pass`."""
        checks = tuple(results)
        statuses = {result.status for result in checks}
        return cls(model, "fail" if "fail" in statuses else "pass" if "pass" in statuses else "skipped", checks)

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Inverse of `to_json`; ValueError when the text is something else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("status") not in ("pass", "fail", "skipped"):
            raise ValueError("not a verdict")
        known = {item.name for item in fields(CheckResult)}
        checks = tuple(
            CheckResult(**{key: value for key, value in entry.items() if key in known})
            for entry in data.get("checks", [])
        )
        return cls(str(data.get("model", "")), data["status"], checks)

    def to_json(self, limit: int = VERDICT_BYTES) -> str:
        """Compact JSON of at most `limit` bytes: evidence is shortened first, then fixes, then passed checks are left
        out.
        """
        checks = [asdict(result) for result in self.checks]

        def render() -> str:
            document = {"model": self.model, "status": self.status, "checks": checks}
            return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

        def fits() -> bool:
            return len(render().encode()) <= limit

        for key, length in (("evidence", 160), ("evidence", 60), ("fix", 120), ("evidence", 0), ("fix", 0)):
            if fits():
                break
            for entry in checks:
                entry[key] = shorten(entry[key], length)
        if not fits():
            checks = [entry for entry in checks if entry["status"] == "fail"] or checks[:1]
        while not fits() and len(checks) > 1:
            checks.pop()
        return render()


class Failed(Exception):
    """A check failed. `retry`: None is final, "startup" and "listing" may still be the server starting."""

    def __init__(self, cause: str, evidence: str, *, retry: str | None = None) -> None:
        super().__init__(cause, evidence)
        self.cause = cause
        self.evidence = evidence
        self.retry = retry


# --- the checks themselves: each returns its evidence or raises Failed --------------------------------------------


def check_dns(check: Check, key: str | None) -> str:
    host, port = host_and_port(check)
    return "resolves to " + ", ".join(sorted({str(entry[4][0]) for entry in resolve(host, port)}))


def check_models(check: Check, key: str | None) -> str:
    answer = ask(check, key, "GET", "/models")
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise Failed("unexpected-answer", f"GET {check.url('/models')}: no list `data` in {json.dumps(answer)}")
    names = [str(entry.get("id")) for entry in entries if isinstance(entry, dict)]
    if check.model not in names:
        near = difflib.get_close_matches(check.model, names, n=3, cutoff=0.3) or names[:5]
        shown = ", ".join(near) or "none"
        raise Failed("model-not-listed", f"{check.model!r} is not listed; of {len(names)}: {shown}", retry="listing")
    return f"listed ({len(names)} in all)"


def check_chat(check: Check, key: str | None) -> str:
    request = {
        "model": check.model,
        "messages": [{"role": "user", "content": "Reply with one word: ready"}],
        "max_tokens": check.max_tokens,
    }
    choice = first_choice(check, ask(check, key, "POST", "/chat/completions", request))
    text = choice["message"].get("content")
    if isinstance(text, str) and text.strip():
        return f"answered {text.strip()!r}"
    if choice.get("finish_reason") == "length":
        raise Failed("budget-exhausted-by-reasoning", f"finish_reason length, no text after {check.max_tokens} tokens")
    raise Failed("empty-answer", f"finish_reason {choice.get('finish_reason')!r}, content {text!r}")


def check_tool_call(check: Check, key: str | None) -> str:
    """`auto` must call the tool: `required` is forced by a grammar and passes with a wrong parser, so it only
    explains.
    """
    said = ""
    for _ in range(AUTO_ATTEMPTS):
        message, reason = tool_answer(check, key, "auto")
        if message.get("tool_calls"):
            return called_tool(message)
        said = str(message.get("content") or "")
        if reason == "length" and not said.strip():
            raise Failed(
                "budget-exhausted-by-reasoning", f"finish_reason length, no tool call after {check.max_tokens} tokens"
            )
    try:
        forced = (
            "calls the tool" if tool_answer(check, key, "required")[0].get("tool_calls") else "answers in text, too"
        )
    except Failed as failure:
        forced = f"fails ({failure.cause})"
    raise Failed("tool-call-parser-missing", f"tool_choice auto answered {said.strip()!r}; required {forced}")


def check_embeddings(check: Check, key: str | None) -> str:
    answer = ask(check, key, "POST", "/embeddings", {"model": check.model, "input": ["The gate checks this endpoint."]})
    try:
        vector = answer["data"][0]["embedding"]
    except (KeyError, IndexError, TypeError):
        raise Failed("unexpected-answer", f"no data[0].embedding in {json.dumps(answer)}") from None
    numbers = isinstance(vector, list) and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in vector)
    if not numbers or not vector or not all(map(math.isfinite, vector)) or not any(vector):
        raise Failed("invalid-embedding", f"embedding is {json.dumps(vector)}")
    if check.dimension is not None and len(vector) != check.dimension:
        raise Failed("wrong-dimension", f"dimension {len(vector)}, declared {check.dimension}")
    return f"dimension {len(vector)}"


def check_transcription(check: Check, key: str | None) -> str:
    boundary = "kindo-models-gate-7d1b6f0c"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (("model", check.model), ("response_format", "json"))
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="tone.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n".encode()
    )
    parts += [tone(), f"\r\n--{boundary}--\r\n".encode()]
    answer = ask(
        check,
        key,
        "POST",
        "/audio/transcriptions",
        b"".join(parts),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise Failed("unexpected-answer", f"no `text` in {json.dumps(answer)}")
    return f"transcribed 1 s of sound as {text.strip()!r}"


CHECKS: dict[str, Callable[[Check, str | None], str]] = {
    "dns": check_dns,
    "models": check_models,
    "tool-call": check_tool_call,
    "chat": check_chat,
    "embeddings": check_embeddings,
    "transcription": check_transcription,
}


def tool_answer(check: Check, key: str | None, tool_choice: str) -> tuple[dict[str, Any], str | None]:
    request = {
        "model": check.model,
        "messages": [{"role": "user", "content": "What is the weather in SF?"}],
        "tools": [GET_WEATHER],
        "tool_choice": tool_choice,
        "max_tokens": check.max_tokens,
    }
    try:
        choice = first_choice(check, ask(check, key, "POST", "/chat/completions", request))
    except Failed as failure:
        # vLLM without the flags: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be
        # set'.
        if failure.cause == "bad-request" and "tool-call-parser" in failure.evidence:
            raise Failed("tool-call-parser-missing", failure.evidence) from None
        raise
    return choice["message"], choice.get("finish_reason")


def called_tool(message: Mapping[str, Any]) -> str:
    call = message["tool_calls"][0]
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise Failed("unexpected-answer", f"tool_calls is {json.dumps(message['tool_calls'])}")
    name, arguments = function.get("name"), function.get("arguments")
    if name != "get_weather":
        raise Failed("wrong-tool-called", f"called {name!r}, offered get_weather")
    try:
        parsed = json.loads(arguments or "")
    except (TypeError, ValueError):
        raise Failed("invalid-tool-arguments", f"arguments are no JSON text: {arguments!r}") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("location"), str) or not parsed["location"].strip():
        raise Failed("invalid-tool-arguments", f"arguments want a text `location`, got {arguments}")
    if markup := TOOL_MARKUP.search(str(message.get("content") or "")):
        raise Failed("markup-in-content", f"content holds {markup.group()!r} beside the tool call")
    return f"called get_weather({arguments})"


def first_choice(check: Check, answer: Any) -> dict[str, Any]:
    try:
        choice = answer["choices"][0]
        if isinstance(choice["message"], dict):
            return dict(choice)
    except (KeyError, IndexError, TypeError):
        pass
    if isinstance(answer, dict) and answer.get("error"):
        raise Failed("server-error", f"200 with an error: {json.dumps(answer['error'])}")
    raise Failed("unexpected-answer", f"no choices[0].message in {json.dumps(answer)}")


def tone() -> bytes:
    """One second of a soft 440 Hz tone, 16 kHz mono: valid sound without words."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        samples = (int(2000 * math.sin(2 * math.pi * 440 * i / 16000)) for i in range(16000))
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


# --- asking a server, and naming what went wrong ------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer to report: the gateway's clients would not carry body and key along."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


def ask(
    check: Check, key: str | None, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
) -> Any:
    """Send one request and return the parsed JSON of a 2xx answer; everything else raises Failed with its cause."""
    host, port = host_and_port(check)
    headers = {"Accept": "application/json", "User-Agent": "kindo-models-gate", **check.headers}
    if key is not None:
        headers[check.key_header] = f"Bearer {key}" if check.key_header.lower() == "authorization" else key
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = content_type
    url = check.url(path)
    where = f"{method} {url}"
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        resolve_for_proxy_or_host(url, host, port)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=check.timeout) as answer:
            text = answer.read(ANSWER_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(ANSWER_BYTES).decode("utf-8", "replace")
        raise http_failure(check, where, error.code, text, error.headers.get("Location")) from None
    except urllib.error.URLError as error:
        raise network_failure(where, error.reason, check.timeout) from None
    except (OSError, http.client.HTTPException) as error:
        raise network_failure(where, error, check.timeout) from None
    try:
        return json.loads(text)
    except ValueError:
        raise Failed("not-json", f"{where}: 200 with {text.strip()!r}") from None


def host_and_port(check: Check) -> tuple[str, int]:
    try:
        parts = urllib.parse.urlsplit(check.base_url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise Failed("invalid-url", f"base_url is {check.base_url!r}") from None
    if not parts.hostname:
        raise Failed("invalid-url", f"base_url is {check.base_url!r}")
    return parts.hostname, port


def resolve(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise dns_failure(host, error) from None


def resolve_for_proxy_or_host(url: str, host: str, port: int) -> None:
    """Name a DNS failure as such. Behind a proxy (HTTP_PROXY) the proxy resolves, so the host need not be known
    here.
    """
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme not in urllib.request.getproxies() or urllib.request.proxy_bypass(host):
        resolve(host, port)


def dns_failure(host: str, error: Exception) -> Failed:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Failed("dns-unavailable", f"{host}: {error.strerror}", retry="startup")
    # A Service may be seconds away; a name of the internet that does not exist stays so.
    in_cluster = host.endswith((".svc", ".cluster.local"))
    return Failed(
        "dns-not-found", f"{host}: {getattr(error, 'strerror', None) or error}", retry="startup" if in_cluster else None
    )


def network_failure(where: str, error: Any, timeout: float) -> Failed:
    if isinstance(error, socket.timeout):
        return Failed("timeout", f"{where}: no answer within {timeout:g} s")
    if isinstance(error, socket.gaierror):
        return dns_failure(where, error)
    if isinstance(error, ssl.SSLError):
        return Failed("tls-invalid", f"{where}: {getattr(error, 'verify_message', None) or error.reason or error}")
    if isinstance(error, ConnectionRefusedError):
        return Failed("connection-refused", f"{where}: connection refused", retry="startup")
    if isinstance(error, (ConnectionError, http.client.HTTPException)):
        return Failed("connection-reset", f"{where}: {type(error).__name__}: {error}", retry="startup")
    return Failed("unreachable", f"{where}: {error}")


def http_failure(check: Check, where: str, status: int, text: str, location: str | None) -> Failed:
    evidence = f"{where}: {status} {text.strip()}"
    if 300 <= status < 400:
        return Failed("redirected", f"{where}: {status} to {location}")
    if status == 404 or (status == 400 and "invalid model name" in text.lower()):
        known = check.model in text or "model" in text.lower()
        return Failed("model-not-found" if known and is_json(text) else "route-not-found", evidence)
    if status in (401, 403, 429):
        return Failed({401: "unauthorized", 403: "forbidden", 429: "rate-limited"}[status], evidence)
    if status in (408, 504):
        return Failed("timeout", evidence)
    if status >= 500:
        return Failed("server-error", evidence, retry="startup" if status in (502, 503) else None)
    return Failed("bad-request", evidence)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# --- running checks -----------------------------------------------------------------------------------------------


class Run:
    """The checks of one model, one after another; `verdict` can be asked at any time, also while a check hangs."""

    def __init__(
        self,
        model: str,
        checks: Sequence[Check],
        *,
        startup_seconds: float = 0.0,
        environment: Mapping[str, str] = os.environ,
        on_result: Callable[[CheckResult], None] = lambda result: None,
    ) -> None:
        self.model = model
        self.checks = tuple(checks)
        self.environment = environment
        self.on_result = on_result
        self.startup_ends = time.monotonic() + startup_seconds
        self.results: list[CheckResult] = []
        self.secrets = [value for check in checks if (value := environment.get(check.key_env or ""))]

    def run(self) -> Verdict:
        failed: set[str] = set()
        for check in self.checks:
            if check.base_url in failed:
                result = CheckResult(
                    check.check,
                    "skipped",
                    via=check.via,
                    cause="earlier-check-failed",
                    evidence="an earlier check of it failed",
                )
            else:
                result = self.run_one(check)
            if result.status == "fail":
                failed.add(check.base_url)
            self.results.append(result)
            self.on_result(result)
        return self.verdict()

    def verdict(self) -> Verdict:
        """What is known. A check that has not ended counts as failed by timeout, later ones as skipped."""
        done = list(self.results)
        rest = list(self.checks[len(done) :])
        if rest:
            done.append(
                self.failed(
                    rest[0], Failed("timeout", "the deadline of the whole run ended this check"), rest[0].timeout
                )
            )
            done += [CheckResult(check.check, "skipped", via=check.via, evidence="not reached") for check in rest[1:]]
        return Verdict.of(self.model, done)

    def run_one(self, check: Check) -> CheckResult:
        started = time.monotonic()
        listing_ends: float | None = None
        pause = 0.5
        while True:
            try:
                evidence = self.attempt(check)
                return CheckResult(
                    check.check,
                    "pass",
                    round(time.monotonic() - started, 2),
                    evidence=self.clean(evidence),
                    via=check.via,
                )
            except Failed as failure:
                ends = 0.0
                if failure.retry == "startup":
                    ends = self.startup_ends
                elif failure.retry == "listing":
                    listing_ends = listing_ends or time.monotonic() + LISTING_SECONDS
                    ends = min(self.startup_ends, listing_ends)
                if time.monotonic() + pause > ends:
                    return self.failed(check, failure, time.monotonic() - started)
            time.sleep(pause)
            pause = min(pause * 1.6, 5.0)

    def attempt(self, check: Check) -> str:
        key = self.environment.get(check.key_env) if check.key_env else None
        if check.key_env and not key and check.check != "dns":
            raise Failed("key-missing", f"the environment variable {check.key_env} is empty or missing")
        try:
            return bounded(lambda: CHECKS[check.check](check, key), check.timeout)
        except Failed:
            raise
        except TimeoutError:
            raise Failed("timeout", f"{check.url()}: the check did not end within {check.timeout:g} s") from None
        except Exception as error:
            raise Failed("check-error", f"{type(error).__name__}: {error}") from None

    def failed(self, check: Check, failure: Failed, seconds: float) -> CheckResult:
        return CheckResult(
            check.check,
            "fail",
            round(seconds, 2),
            cause=failure.cause,
            fix=fix_text(failure.cause, check),
            evidence=self.clean(failure.evidence),
            via=check.via,
        )

    def clean(self, evidence: str) -> str:
        """One line, bounded, without keys: neither ours nor what looks like one in a server's message."""
        return shorten(redact(evidence, self.secrets), EVIDENCE_CHARACTERS)


def fix_text(cause: str, check: Check) -> str:
    try:
        host, port = host_and_port(check)
    except Failed:
        host, port = check.base_url, 0
    return CAUSES[cause].format(
        host=host,
        port=port,
        url=check.url(),
        model=check.model,
        timeout=check.timeout,
        key=check.key_env or "the API key (none is configured)",
        parser=check.expected_parser or "<the parser of this model family>",
        max_tokens=check.max_tokens,
    )


def bounded(call: Callable[[], T], seconds: float) -> T:
    """`call()` or TimeoutError: name resolution knows no timeout, and a socket's timeout starts anew with every
    byte.
    """
    outcome: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    # The socket's own timeout names the place of the delay, so it gets the chance to fire first.
    thread.join(seconds + 0.5)
    if thread.is_alive():
        raise TimeoutError
    if errors:
        raise errors[0]
    return outcome[0]


KEY_SHAPES = re.compile(
    r"\b(sk-|pk-|AIza|AKIA|ASIA|hf_|xai-|gsk_)[A-Za-z0-9_\-]{6,}|(?i:bearer)\s+[^\s\"']+|(?<=://)[^/@\s]+(?=@)"
)


def redact(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, "[redacted]")
    return KEY_SHAPES.sub("[redacted]", text)


def shorten(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…" * (length > 0)


def parse_checks(text: str) -> list[Check]:
    """Checks from JSON text; ValueError says which entry and field is wrong."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"CHECKS is not JSON: {error}") from None
    if not isinstance(data, list):
        raise ValueError("CHECKS must be a list of checks")
    known = {item.name for item in fields(Check)}
    checks = []
    for index, entry in enumerate(data):
        if not isinstance(entry, dict):
            raise ValueError(f"CHECKS[{index}] must be an object")
        if entry.get("check") not in CHECKS:
            raise ValueError(f"CHECKS[{index}].check is {entry.get('check')!r}; known are {', '.join(CHECKS)}")
        for key in ("base_url", "model"):
            if not entry.get(key) or not isinstance(entry[key], str):
                raise ValueError(f"CHECKS[{index}].{key} is missing")
        if unknown := sorted(set(entry) - known):
            raise ValueError(
                f"CHECKS[{index}] has unknown fields {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        checks.append(Check(**{key: value for key, value in entry.items() if value is not None}))
    return checks


def main(environment: Mapping[str, str] = os.environ) -> int:
    try:
        checks = parse_checks(environment.get("CHECKS", ""))
        startup, deadline = (
            float(environment.get(name) or default)
            for name, default in (("STARTUP_SECONDS", 0), ("DEADLINE_SECONDS", 600))
        )
    except ValueError as error:
        print(f"unusable input: {error}", file=sys.stderr)
        return 2

    def show(result: CheckResult) -> None:
        line = (
            f"{result.status:7} {result.check} ({result.via}) {result.seconds:.1f} s  {result.cause}  {result.evidence}"
        )
        print(line + (f"\n        fix: {result.fix}" if result.fix else ""), flush=True)

    run = Run(
        environment.get("MODEL", checks[0].model if checks else ""),
        checks,
        startup_seconds=startup,
        environment=environment,
        on_result=show,
    )
    worker = threading.Thread(target=run.run, daemon=True)
    worker.start()
    worker.join(deadline)
    verdict = run.verdict().to_json()
    print(verdict, flush=True)
    with open(environment.get("TERMINATION_LOG", "/dev/termination-log"), "w", encoding="utf-8") as log:
        log.write(verdict)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Not sys.exit: a hanging name look-up in a worker thread must not keep the Job alive.
    os._exit(status)
