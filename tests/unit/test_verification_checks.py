"""The checks against servers that misbehave, each on a real socket: every pattern gets its own cause and a fix."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from kindo_models.verification import checks
from kindo_models.verification.checks import CAUSES, Check, Run, Verdict, parse_checks
from tests.support.model_server import KEY, MODEL, Reply, Request, Respond, answer, called, model_server

pytestmark = pytest.mark.process

ENVIRONMENT = {"MODEL_KEY": KEY}


def check(kind: str, base_url: str, **changes: Any) -> Check:
    values = {"key_env": "MODEL_KEY", "timeout_seconds": 2.0, "expected_parser": "qwen3_coder", **changes}
    return Check(kind, base_url, changes.pop("model", MODEL), **{k: v for k, v in values.items() if k != "model"})


def verdict_of(*wanted: Check, startup_seconds: float = 0.0) -> Verdict:
    return Run(MODEL, wanted, startup_seconds=startup_seconds, environment=ENVIRONMENT).run()


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        ("dns", "127.0.0.1"),
        ("models", "2 in all"),
        ("chat", "ready"),
        ("tool-call", "San Francisco"),
        ("embeddings", "dimension 3"),
        ("transcription", "1 s of sound"),
    ],
)
def test_a_healthy_server_passes(kind: str, evidence: str) -> None:
    with model_server() as server:
        verdict = verdict_of(check(kind, server.base_url))
    assert verdict.status == "pass"
    assert evidence in verdict.checks[0].evidence


# --- each misbehaviour and its diagnosis


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    routes: dict[str, Respond | Reply]
    cause: str
    evidence: str
    fix: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def only_when_required(request: Request) -> Reply:
    return called() if request.json["tool_choice"] == "required" else answer({"content": "It is sunny in SF."})


HTML = Reply(b"<html><body>Sign in</body></html>", headers={"Content-Type": "text/html"})
VLLM_WITHOUT_FLAGS = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'

CASES = [
    Case(
        "wrong name",
        "models",
        {},
        "model-not-listed",
        "deephat-v2",
        "--served-model-name deephat",
        {"model": "deephat"},
    ),
    Case("empty list", "models", {"models": Reply({"data": []})}, "model-not-listed", "of 0: none"),
    Case("no list", "models", {"models": Reply({"models": 3})}, "unexpected-answer", '{"models": 3}'),
    Case("HTML page", "models", {"models": HTML}, "not-json", "Sign in", "proxy, a login page"),
    Case("route not there", "models", {"models": Reply({"detail": "Not Found"}, 404)}, "route-not-found", "404", "/v1"),
    Case("redirect", "models", {"models": Reply({}, 307, {"Location": "https://b"})}, "redirected", "to https://b"),
    Case("401", "models", {"models": Reply({"error": "no"}, 401)}, "unauthorized", "401", "MODEL_KEY"),
    Case("403", "chat", {"completions": Reply({"error": "not yours"}, 403)}, "forbidden", "not yours", "MODEL_KEY"),
    Case("429", "chat", {"completions": Reply({"error": "slow down"}, 429)}, "rate-limited", "slow down"),
    Case("500", "chat", {"completions": Reply({"error": "CUDA"}, 500)}, "server-error", "CUDA", "log"),
    Case("503 for good", "models", {"models": Reply({}, 503)}, "server-error", "503"),
    Case("504", "chat", {"completions": Reply({}, 504)}, "timeout", "504"),
    Case("400", "chat", {"completions": Reply({"error": "bad role"}, 400)}, "bad-request", "bad role"),
    Case(
        "model unknown to the route",
        "chat",
        {"completions": Reply({"error": {"message": f"The model `{MODEL}` does not exist."}}, 404)},
        "model-not-found",
        "does not exist",
        "--served-model-name",
    ),
    Case(
        "model unknown to LiteLLM",
        "chat",
        {"completions": Reply({"error": {"message": f"Invalid model name passed in model={MODEL}"}}, 400)},
        "model-not-found",
        "Invalid model name",
    ),
    Case(
        "slow first byte",
        "chat",
        {"completions": Reply({}, seconds=5)},
        "timeout",
        "within 0.3 s",
        "NetworkPolicies",
        {"timeout_seconds": 0.3},
    ),
    Case(
        "dripping body",
        "chat",
        {"completions": Reply({"a": "x" * 500}, drip=0.1)},
        "timeout",
        "within 0.3 s",
        "",
        {"timeout_seconds": 0.3},
    ),
    Case("hangs up", "chat", {"completions": Reply(hang_up=True)}, "connection-reset", "POST"),
    Case("empty text", "chat", {"completions": answer({"content": ""})}, "empty-answer", "'stop'"),
    Case(
        "reasoning eats the budget",
        "chat",
        {"completions": answer({"content": None, "reasoning_content": "Hmm"}, "length")},
        "budget-exhausted-by-reasoning",
        "256 tokens",
        "--reasoning-parser",
    ),
    Case("200 with an error", "chat", {"completions": Reply({"error": {"message": "boom"}})}, "server-error", "boom"),
    Case("no choices", "chat", {"completions": Reply({"choices": []})}, "unexpected-answer", "choices"),
    Case("a list instead", "chat", {"completions": Reply([1])}, "unexpected-answer", "[1]"),
    Case(
        "plain text, required works",
        "tool-call",
        {"completions": only_when_required},
        "tool-call-parser-missing",
        "required calls the tool",
        "--tool-call-parser qwen3_coder",
    ),
    Case(
        "plain text always",
        "tool-call",
        {"completions": answer({"content": "<tool_call>{}</tool_call>"})},
        "tool-call-parser-missing",
        "<tool_call>",
        "--enable-auto-tool-choice",
    ),
    Case(
        "vLLM without the flags",
        "tool-call",
        {"completions": Reply({"error": {"message": VLLM_WITHOUT_FLAGS}}, 400)},
        "tool-call-parser-missing",
        "requires --enable-auto-tool-choice",
        "qwen3_coder",
    ),
    Case(
        "arguments cut off", "tool-call", {"completions": called('{"location": "San')}, "invalid-tool-arguments", "San"
    ),
    Case(
        "arguments as an object",
        "tool-call",
        {"completions": called({"location": "SF"})},  # type: ignore[arg-type]
        "invalid-tool-arguments",
        "no JSON text",
    ),
    Case("wrong argument", "tool-call", {"completions": called('{"city": "SF"}')}, "invalid-tool-arguments", "city"),
    Case("number for a text", "tool-call", {"completions": called('{"location": 7}')}, "invalid-tool-arguments", "7"),
    Case("another tool", "tool-call", {"completions": called(name="search")}, "wrong-tool-called", "'search'"),
    Case(
        "markup beside the call",
        "tool-call",
        {"completions": called(content="<function=get_weather>")},
        "markup-in-content",
        "<function=",
    ),
    Case(
        "reasoning eats the tool call",
        "tool-call",
        {"completions": answer({"content": None}, "length")},
        "budget-exhausted-by-reasoning",
        "1024 tokens",
        "max_tokens",
        {"max_tokens": 1024},
    ),
    Case(
        "calls are no list of calls",
        "tool-call",
        {"completions": answer({"tool_calls": ["x"]})},
        "unexpected-answer",
        "x",
    ),
    Case(
        "vector of zeros",
        "embeddings",
        {"embeddings": Reply({"data": [{"embedding": [0.0, 0.0]}]})},
        "invalid-embedding",
        "[0.0, 0.0]",
    ),
    Case("empty vector", "embeddings", {"embeddings": Reply({"data": [{"embedding": []}]})}, "invalid-embedding", "[]"),
    Case(
        "not finite",
        "embeddings",
        {"embeddings": Reply(b'{"data": [{"embedding": [1.0, NaN]}]}')},
        "invalid-embedding",
        "NaN",
    ),
    Case(
        "base64 vector",
        "embeddings",
        {"embeddings": Reply({"data": [{"embedding": "AAAA"}]})},
        "invalid-embedding",
        "AAAA",
    ),
    Case("no data", "embeddings", {"embeddings": Reply({"vector": [1]})}, "unexpected-answer", "vector"),
    Case("dimension", "embeddings", {}, "wrong-dimension", "dimension 3, declared 768", "", {"dimension": 768}),
    Case("no text", "transcription", {"transcriptions": Reply({"segments": []})}, "unexpected-answer", "segments"),
    Case(
        "no such route",
        "transcription",
        {"transcriptions": Reply({"detail": "Not Found"}, 404)},
        "route-not-found",
        "404",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_misbehaving_server_gets_its_cause_its_evidence_and_a_fix(case: Case) -> None:
    with model_server(case.routes) as server:
        verdict = verdict_of(check(case.kind, server.base_url, **case.options))
    (result,) = verdict.checks
    assert (verdict.status, result.status, result.cause) == ("fail", "fail", case.cause)
    assert case.evidence in result.evidence
    assert result.fix
    assert case.fix in result.fix
    assert KEY not in verdict.to_json()


def test_a_closed_port_is_refused() -> None:
    with model_server() as server:
        gone = server.base_url
    (result,) = verdict_of(check("models", gone)).checks
    assert result.cause == "connection-refused"
    assert "kubectl get pods" in result.fix


@pytest.mark.parametrize("kind", ["dns", "models"])
def test_a_name_that_does_not_exist(kind: str) -> None:
    (result,) = verdict_of(check(kind, "http://no-such-host.invalid:8000/v1")).checks
    assert result.cause == "dns-not-found"
    assert "no-such-host.invalid" in result.evidence
    assert "split DNS" in result.fix


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*arguments: Any, **named: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", busy)
    (result,) = verdict_of(check("dns", "http://deephat-v2.inference.svc:8000/v1")).checks
    assert result.cause == "dns-unavailable"
    assert "port 53" in result.fix


def test_name_resolution_that_hangs_is_ended_by_the_checks_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **named: time.sleep(30))
    started = time.monotonic()
    (result,) = verdict_of(check("dns", "http://slow.example/v1", timeout_seconds=0.2)).checks
    assert result.cause == "timeout"
    assert time.monotonic() - started < 3


def test_plain_http_behind_https_is_a_tls_failure() -> None:
    with model_server() as server:
        (result,) = verdict_of(check("models", f"https://127.0.0.1:{server.port}/v1")).checks
    assert result.cause == "tls-invalid"
    assert "http://" in result.fix


def test_a_certificate_that_nobody_trusts_is_a_tls_failure(tmp_path: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate(tmp_path, context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=shake_hands, args=(listener, context), daemon=True).start()
        (result,) = verdict_of(check("models", f"https://127.0.0.1:{listener.getsockname()[1]}/v1")).checks
    assert result.cause == "tls-invalid"
    assert "self-signed" in result.evidence


def certificate(folder: Any, context: ssl.SSLContext) -> None:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "k.pem").write_bytes(private)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    try:
        context.wrap_socket(connection, server_side=True)
    except (ssl.SSLError, OSError):
        connection.close()


@pytest.mark.parametrize("url", ["deephat-v2:8000/v1", "ftp://a/v1", "http:///v1", "http://a:port/v1"])
def test_an_address_of_another_form_is_named(url: str) -> None:
    (result,) = verdict_of(check("models", url)).checks
    assert result.cause == "invalid-url"
    assert url in result.evidence


def test_a_missing_key_is_named_and_nothing_is_sent() -> None:
    with model_server() as server:
        wanted = check("models", server.base_url)
        (result,) = Run(MODEL, [wanted], environment={}).run().checks
        assert server.requests == []
    assert result.cause == "key-missing"
    assert "MODEL_KEY" in result.evidence


# --- requests


def test_the_tool_call_is_the_documents_request() -> None:
    with model_server() as server:
        verdict_of(check("tool-call", server.base_url, max_tokens=1024))
        (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.json["messages"] == [{"role": "user", "content": "What is the weather in SF?"}]
    assert request.json["tool_choice"] == "auto"
    assert request.json["max_tokens"] == 1024
    assert request.json["model"] == MODEL
    parameters = request.json["tools"][0]["function"]["parameters"]
    assert parameters == {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}


def test_one_plain_answer_by_chance_does_not_fail_a_model() -> None:
    answers = iter([answer({"content": "Let me think."}), called()])
    with model_server({"completions": lambda request: next(answers)}) as server:
        assert verdict_of(check("tool-call", server.base_url)).status == "pass"


def test_other_key_headers_carry_the_bare_key() -> None:
    def wants_x_api_key(request: Request) -> Reply:
        fine = request.headers.get("x-api-key") == KEY and request.headers.get("anthropic-version") == "2023-06-01"
        return Reply({"data": [{"id": MODEL}]} if fine else {}, 200 if fine else 401)

    with model_server({"models": wants_x_api_key}) as server:
        wanted = check("models", server.base_url, key_header="x-api-key", headers={"anthropic-version": "2023-06-01"})
        assert verdict_of(wanted).status == "pass"


def test_the_sound_is_a_wave_file_of_one_second() -> None:
    import io
    import wave

    with model_server() as server:
        verdict_of(check("transcription", server.base_url))
        (request,) = server.requests
    assert b'name="model"\r\n\r\ndeephat-v2' in request.raw
    sound = request.raw[request.raw.index(b"RIFF") :]
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16000, 1, 16000)


# --- starting up


def eventually(*first: Reply, then: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    queue = list(first)
    return lambda request: queue.pop(0) if queue else then(request)


def listed(request: Request) -> Reply:
    return Reply({"data": [{"id": MODEL}]})


@pytest.mark.parametrize("status", [502, 503])
def test_a_server_that_is_starting_is_waited_for(status: int) -> None:
    with model_server({"models": eventually(Reply({}, status), then=listed)}) as server:
        assert verdict_of(check("models", server.base_url), startup_seconds=10).status == "pass"


def test_a_model_that_is_not_listed_at_first_is_waited_for() -> None:
    with model_server({"models": eventually(Reply({"data": []}), then=listed)}) as server:
        assert verdict_of(check("models", server.base_url), startup_seconds=10).status == "pass"


def test_a_model_that_stays_unlisted_fails_long_before_the_start_up_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LISTING_SECONDS", 0.6)
    started = time.monotonic()
    with model_server({"models": Reply({"data": []})}) as server:
        verdict = verdict_of(check("models", server.base_url), startup_seconds=1800)
    assert verdict.checks[0].cause == "model-not-listed"
    assert time.monotonic() - started < 5


def test_a_port_that_opens_later_is_waited_for() -> None:
    with model_server() as server:
        port = server.port
    opened: list[Any] = []

    def open_later() -> None:
        time.sleep(0.3)
        context = model_server(port=port)
        opened.append((context, context.__enter__()))

    thread = threading.Thread(target=open_later)
    thread.start()
    verdict = verdict_of(check("models", f"http://127.0.0.1:{port}/v1"), startup_seconds=10)
    thread.join()
    opened[0][0].__exit__(None, None, None)
    assert verdict.status == "pass"


def test_a_service_name_may_appear_later_but_a_name_of_the_internet_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unknown(host: str, *arguments: Any, **named: Any) -> list[Any]:
        asked.append(host)
        if host.endswith(".cluster.local") and len(asked) > 1:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.96.0.9", 8000))]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    service = check("dns", "http://deephat-v2.inference.svc.cluster.local:8000/v1")
    assert verdict_of(service, startup_seconds=10).checks[0].evidence == "resolves to 10.96.0.9"
    assert verdict_of(check("dns", "https://api.exmaple.com/v1"), startup_seconds=10).checks[0].cause == "dns-not-found"
    assert asked.count("api.exmaple.com") == 1


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_final_answers_are_not_repeated(status: int) -> None:
    with model_server({"models": Reply({}, status)}) as server:
        verdict_of(check("models", server.base_url), startup_seconds=30)
        assert len(server.requests) == 1


# --- verdicts


def test_checks_after_a_failed_one_of_the_same_address_are_skipped_and_other_addresses_are_not() -> None:
    with model_server({"models": Reply({}, 401)}) as direct, model_server() as gateway:
        verdict = verdict_of(
            check("models", direct.base_url),
            check("tool-call", direct.base_url),
            check("tool-call", gateway.base_url, via="gateway"),
        )
        assert len(direct.requests) == 1
    assert verdict.status == "fail"
    assert [(one.via, one.status) for one in verdict.checks] == [
        ("direct", "fail"),
        ("direct", "skipped"),
        ("gateway", "pass"),
    ]


def test_nothing_to_check_is_skipped() -> None:
    assert verdict_of().status == "skipped"


def test_the_deadline_leaves_a_verdict_of_what_is_known() -> None:
    with model_server({"completions": Reply({}, seconds=20)}) as server:
        wanted = [
            check("models", server.base_url),
            check("chat", server.base_url, timeout_seconds=15.0),
            check("dns", server.base_url),
        ]
        run = Run(MODEL, wanted, environment=ENVIRONMENT)
        threading.Thread(target=run.run, daemon=True).start()
        time.sleep(0.5)
        verdict = run.verdict()
    assert [(one.status, one.cause) for one in verdict.checks] == [("pass", ""), ("fail", "timeout"), ("skipped", "")]


@pytest.mark.parametrize("count", [1, 12, 60])
def test_a_verdict_fits_into_a_termination_message_and_keeps_its_causes(count: int) -> None:
    long = "ü" * 4000
    results = [
        checks.CheckResult(f"check-{n}", "fail" if n % 2 == 0 else "pass", 1.0, "timeout", long, long)
        for n in range(count)
    ]
    text = Verdict.of("m" * 200, results).to_json()
    assert len(text.encode()) <= 4096
    read = Verdict.from_json(text)
    assert read.status == "fail"
    assert read.checks
    assert all(one.cause == "timeout" for one in read.checks)


def test_a_verdict_survives_its_json() -> None:
    with model_server() as server:
        verdict = verdict_of(check("models", server.base_url), check("chat", server.base_url, model="other"))
    assert Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"status": "done"}', "killed"])
def test_other_texts_are_no_verdict(text: str) -> None:
    with pytest.raises(ValueError):
        Verdict.from_json(text)


def test_keys_are_removed_whatever_server_and_form_they_come_from() -> None:
    echo = lambda request: Reply({"error": {"message": f"key {request.headers['authorization']} is bad"}}, 500)  # noqa: E731
    with model_server({"models": echo}) as server:
        (result,) = verdict_of(check("models", server.base_url)).checks
    assert "[redacted] is bad" in result.evidence
    for shape in ("sk-proj-abcdef123456", "AKIAIOSFODNN7EXAMPLE", "AIzaSyA-1234567", "Bearer abc.def", "hf_abcdefgh"):
        assert shape not in checks.redact(f"got {shape}!", [])
    assert checks.redact("http://user:pass@host/v1", []) == "http://[redacted]@host/v1"


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_a_fix_that_can_be_filled_in(cause: str) -> None:
    text = checks.fix_text(cause, check("tool-call", "http://h:1/v1"))
    assert "{" not in text
    assert text or cause == "earlier-check-failed"


# --- input


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "CHECKS is not JSON"),
        ("{}", "must be a list"),
        ("[1]", r"CHECKS\[0\] must be an object"),
        ('[{"check": "ping"}]', r"CHECKS\[0\].check is 'ping'; known are dns, models, tool-call"),
        ('[{"check": "dns", "model": "m"}]', r"CHECKS\[0\].base_url is missing"),
        ('[{"check": "dns", "base_url": "http://a"}]', r"CHECKS\[0\].model is missing"),
        ('[{"check": "dns", "base_url": "http://a", "model": "m", "colour": 1}]', "unknown fields colour"),
    ],
)
def test_unusable_input_says_which_entry_and_field(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_checks(text)


def test_absent_options_take_their_defaults() -> None:
    entry = {"check": "chat", "base_url": "http://a/v1", "model": "m", "key_env": None, "max_tokens": None}
    (parsed,) = parse_checks(json.dumps([entry]))
    assert parsed == Check("chat", "http://a/v1", "m")
    assert parsed.timeout == checks.DEFAULT_TIMEOUTS["chat"]
