"""The HTTP client under the registration clients, against servers that misbehave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kindo_models.registration.clients import http
from kindo_models.registration.clients.http import JsonClient, Patience, Server, retry_after, server_message
from kindo_models.registration.errors import (
    AnswerLost,
    Conflict,
    NotFound,
    Refused,
    RegistrationError,
    Rejected,
    UnexpectedAnswer,
    Unreachable,
)
from tests.support.model_server import Reply, Request, Running, model_server

pytestmark = pytest.mark.process

KEY = "canary-key-0d1f2e"
QUICK = Patience(
    connect_seconds=1,
    read_seconds=0.4,
    body_seconds=0.6,
    attempts=4,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
)


def client(url: str, patience: Patience = QUICK, log: Callable[[str], None] = lambda text: None) -> JsonClient:
    server = Server("Some API", url, "some.url of the environment", "SOME_KEY (environment)", "Keys expire.")
    return JsonClient(server, {"x-api-key": KEY}, (KEY,), patience, log)


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    queue = list(replies)
    return lambda request: queue.pop(0) if len(queue) > 1 else queue[0]


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Start a server that answers /thing with these replies in turn; stopped afterwards."""
    contexts = []

    def start(*replies: Reply) -> Running:
        context = model_server({"thing": in_turn(*replies)})
        contexts.append(context)
        return context.__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


Serve = Callable[..., Running]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_trouble_is_tried_again(serve: Serve, status: int) -> None:
    server = serve(Reply({}, status), Reply({}, status), Reply({"fine": True}))
    told: list[str] = []
    assert client(server.url, log=told.append).request("GET", "/thing") == {"fine": True}
    assert len(server.requests) == 3
    assert len(told) == 2
    assert str(status) in told[0]


def test_trouble_that_stays_ends_after_bounded_attempts(serve: Serve) -> None:
    server = serve(Reply({"error": {"message": "maintenance"}}, 503))
    with pytest.raises(Unreachable, match=r"503 maintenance \(GET /thing, 4 attempts\).*some\.url") as caught:
        client(server.url).request("GET", "/thing")
    assert len(server.requests) == 4
    assert not isinstance(caught.value, AnswerLost)


def test_retry_after_is_kept(serve: Serve) -> None:
    server = serve(Reply({}, 429, {"Retry-After": "0.5"}), Reply({}))
    started = time.monotonic()
    client(server.url).request("GET", "/thing")
    assert 0.45 < time.monotonic() - started < 3


def test_retry_after_is_bounded(serve: Serve) -> None:
    server = serve(Reply({}, 503, {"Retry-After": "3600"}), Reply({}))
    patience = Patience(longest_retry_after_seconds=0.05)
    started = time.monotonic()
    client(server.url, patience).request("GET", "/thing")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Refused),
        (403, Refused),
        (404, NotFound),
        (409, Conflict),
        (422, Rejected),
        (500, Rejected),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_final_answers_fail_at_once_with_the_servers_words(
    serve: Serve, status: int, kind: type[RegistrationError], method: str
) -> None:
    server = serve(Reply({"error": {"message": f"you sent {KEY}"}}, status))
    with pytest.raises(kind) as caught:
        client(server.url).request(method, "/thing", body={} if method == "POST" else None)
    assert type(caught.value) is kind
    assert len(server.requests) == 1
    assert "you sent [redacted]" in str(caught.value)
    assert str(status) in str(caught.value)


def test_a_401_names_the_setting_and_what_else_it_may_be(serve: Serve) -> None:
    server = serve(Reply({"error": "Unauthorized"}, 401))
    with pytest.raises(Refused) as caught:
        client(server.url).request("GET", "/thing")
    assert str(caught.value) == (
        f"Some API at {server.url} refused the key (401). Setting: SOME_KEY (environment). Keys expire. "
        "The server says: Unauthorized."
    )


@pytest.mark.parametrize("trouble", [Reply({}, 502), Reply({}, 504), Reply(hang_up=True), Reply({}, seconds=0.8)])
def test_a_post_whose_answer_was_lost_is_not_sent_again(serve: Serve, trouble: Reply) -> None:
    server = serve(trouble, Reply({"id": 1}))
    with pytest.raises(AnswerLost):
        client(server.url).request("POST", "/thing", body={"a": 1})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_that_was_not_acted_on_is_sent_again(serve: Serve, status: int) -> None:
    server = serve(Reply({}, status), Reply({"id": 1}))
    assert client(server.url).request("POST", "/thing", body={"a": 1}) == {"id": 1}


def test_a_post_that_never_left_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with pytest.raises(Unreachable) as caught:
        client("http://127.0.0.1:9", log=told.append).request("POST", "/thing", body={})
    assert type(caught.value) is Unreachable
    assert len(told) == 3


@pytest.mark.parametrize("trouble", [Reply(hang_up=True), Reply({}, seconds=0.8), Reply({"a": "x" * 99}, drip=0.05)])
def test_a_read_whose_answer_was_lost_is_sent_again(serve: Serve, trouble: Reply) -> None:
    server = serve(trouble, Reply({"fine": True}))
    assert client(server.url).request("GET", "/thing") == {"fine": True}


def test_a_put_may_be_sent_again(serve: Serve) -> None:
    server = serve(Reply({}, 502), Reply({"fine": True}))
    assert client(server.url).request("PUT", "/thing", body={}) == {"fine": True}


def test_an_html_page_is_named_as_such(serve: Serve) -> None:
    server = serve(Reply(b"<html>Sign in</html>"))
    with pytest.raises(UnexpectedAnswer, match=r"not with JSON: <html>Sign in</html>.*some\.url"):
        client(server.url).request("GET", "/thing")


def test_an_answer_without_end_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_BYTES", 1024)
    server = serve(Reply({"a": "x" * 5000}))
    with pytest.raises(UnexpectedAnswer, match="more than"):
        client(server.url).request("GET", "/thing")


def test_a_redirect_is_not_followed_with_the_key(serve: Serve) -> None:
    server = serve(Reply({}, 302, {"Location": "https://elsewhere.example/"}))
    with pytest.raises(UnexpectedAnswer, match=r"redirect to https://elsewhere\.example/.*some\.url"):
        client(server.url).request("GET", "/thing")


@pytest.mark.parametrize("url", ["ftp://a", "http://[", "no-scheme"])
def test_an_address_of_another_form_names_its_setting(url: str) -> None:
    with pytest.raises(RegistrationError, match=r"some\.url"):
        client(url).request("GET", "/thing")


def test_a_key_that_no_header_can_carry_is_not_shown() -> None:
    server = Server("Some API", "http://127.0.0.1:9", "u", "SOME_KEY (environment)")
    for key in ("line\nbreak-canary", "ünicode-canary"):
        with pytest.raises(RegistrationError, match="SOME_KEY") as caught:
            JsonClient(server, {"x-api-key": key}, (key,), QUICK).request("GET", "/thing")
        assert "canary" not in str(caught.value)


def test_an_empty_answer_is_none(serve: Serve) -> None:
    assert client(serve(Reply(b"", 204)).url).request("DELETE", "/thing") is None


def test_connections_are_kept_and_shared_by_threads(serve: Serve) -> None:
    server = serve(Reply({"fine": True}))
    shared = client(server.url)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shared.request("GET", "/thing"), range(40)))
    assert answers == [{"fine": True}] * 40
    ports = {request.headers["x-client-port"] for request in server.requests}
    assert len(ports) <= 4


def test_nothing_of_a_client_shows_its_key() -> None:
    assert KEY not in repr(client("http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "a", "code": "b"}}', "a"),
        ('{"error": "a"}', "a"),
        ('{"message": "a"}', "a"),
        (
            '{"name": "BadDataError", "message": "see details", "details": [{"message": "x"}, {"message": "y"}]}',
            "see details; x; y",
        ),
        ('{"message": "a", "details": [{"message": "a"}]}', "a"),
        ("[]", ""),
        ("<html>", ""),
        ('{"error": 3}', ""),
    ],
)
def test_a_servers_words_are_found_in_the_usual_places(body: str, message: str) -> None:
    assert server_message(body) == message


@pytest.mark.parametrize(("value", "seconds"), [("2", 2.0), ("-1", 0.0), ("soon", None), ("", None), (None, None)])
def test_retry_after_values(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    found = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert found is not None
    assert 27 < found <= 30
