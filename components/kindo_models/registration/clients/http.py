"""JSON over HTTP with bounded retries and errors that name the server, the cause and the setting at fault."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from kindo_models.registration.clients.redaction import readable
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

ANSWER_BYTES = 8 * 1024 * 1024
USUAL_ERRORS: dict[int, type[RegistrationError]] = {401: Refused, 403: Refused, 404: NotFound, 409: Conflict}
# The server did not act on the request, so even a POST may be sent again.
NOT_ACTED_ON = frozenset({429, 503})
# A gateway in between gave up; what stands behind it may have acted.
MAYBE_ACTED_ON = frozenset({502, 504})


@dataclass(frozen=True)
class Server:
    """Who is asked, for messages."""

    name: str
    url: str
    url_setting: str
    """Where the address comes from."""
    key_setting: str
    """Where the key comes from."""
    key_hint: str = ""
    """What else a 401 may mean."""


@dataclass(frozen=True)
class Patience:
    """How long one call may take. The defaults ride out a restart, and tell of a dead server in half a minute."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    body_seconds: float = 60.0
    attempts: int = 6
    total_seconds: float = 90.0
    first_pause_seconds: float = 0.3
    longest_pause_seconds: float = 10.0
    longest_retry_after_seconds: float = 30.0


USUAL_PATIENCE = Patience()


class _TryAgain(Exception):
    """One attempt failed in a way that may pass."""

    def __init__(self, why: str, *, retry_after: float | None = None, lost: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.lost = lost


@dataclass
class JsonClient:
    """One per server and key; shared by threads, keeps its connections."""

    server: Server
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    patience: Patience = USUAL_PATIENCE
    log: Callable[[str], None] = lambda message: None
    errors: Mapping[int, type[RegistrationError]] = field(default_factory=lambda: dict(USUAL_ERRORS))

    def __post_init__(self) -> None:
        if not all(is_header_value(value) for value in self.headers.values()):
            raise RegistrationError(
                f"The key for {self.server.name} holds characters that no HTTP header can carry. "
                f"Setting: {self.server.key_setting}."
            )
        timeout = httpx.Timeout(self.patience.read_seconds, connect=self.patience.connect_seconds)
        self._http = httpx.Client(
            base_url=self.server.url.rstrip("/"),
            headers={"Accept": "application/json", "User-Agent": "kindo-models", **self.headers},
            timeout=timeout,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
        )

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        secrets: tuple[str, ...] = (),
    ) -> Any:
        """Parsed JSON of the answer, None for an empty one.

        A POST whose answer did not arrive is not sent again (it would make a second row) but raises AnswerLost.
        `secrets` are further values that must not appear in a message.
        """
        secrets = (*self.secrets, *secrets)
        repeatable = method != "POST"

        def attempt() -> Any:
            try:
                return self._attempt(method, path, query, body, secrets)
            except _TryAgain as failure:
                if failure.lost and not repeatable:
                    raise AnswerLost(self._text(method, path, f"the answer was lost: {failure.why}", secrets)) from None
                raise

        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgain),
            stop=stop_after_attempt(self.patience.attempts) | stop_after_delay(self.patience.total_seconds),
            wait=self._pause,
            before_sleep=self._tell(method, path),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _TryAgain as failure:
            tries = retrying.statistics.get("attempt_number", 1)
            raise Unreachable(
                f"{self.server.name} at {self.server.url} does not answer: {failure.why} ({method} {path}, {tries} "
                f"attempts). "
                f"Is it up? The address comes from {self.server.url_setting}."
            ) from None

    def _attempt(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, secrets: tuple[str, ...]
    ) -> Any:
        try:
            with self._http.stream(method, path, params=query, json=body) as answer:
                text = self._read(answer, method, path, secrets)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise RegistrationError(
                f"{self.server.name}: {self.server.url!r} is not a usable address ({error}). "
                f"It comes from {self.server.url_setting}."
            ) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _TryAgain(readable(str(error) or type(error).__name__, secrets)) from None
        except httpx.TransportError as error:
            why = readable(str(error) or type(error).__name__, secrets)
            raise _TryAgain(why, lost=True) from None
        except httpx.RequestError as error:
            raise UnexpectedAnswer(self._text(method, path, f"answered unreadably: {error}", secrets)) from None
        status = answer.status_code
        if status in NOT_ACTED_ON | MAYBE_ACTED_ON:
            raise _TryAgain(
                f"{status} {readable(server_message(text), secrets)}".strip(),
                retry_after=retry_after(answer.headers.get("Retry-After")),
                lost=status in MAYBE_ACTED_ON,
            )
        if status >= 300:
            raise self._error(method, path, answer, text, secrets)
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise UnexpectedAnswer(
                self._text(method, path, f"answered {status}, but not with JSON: {text}", secrets)
                + f" Is {self.server.url_setting} right?"
            ) from None

    def _read(self, answer: httpx.Response, method: str, path: str, secrets: tuple[str, ...]) -> str:
        """The body, bounded in size and time: a socket's timeout starts anew with every byte."""
        ends = time.monotonic() + self.patience.body_seconds
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES:
                why = f"sent more than {ANSWER_BYTES // 1024 // 1024} MiB"
                raise UnexpectedAnswer(self._text(method, path, why, secrets))
            if time.monotonic() > ends:
                raise _TryAgain(f"its answer took longer than {self.patience.body_seconds:g} s", lost=True)
        return content.decode("utf-8", "replace")

    def _error(
        self, method: str, path: str, answer: httpx.Response, text: str, secrets: tuple[str, ...]
    ) -> RegistrationError:
        status = answer.status_code
        said = server_message(text)
        server = self.server
        kind = {**USUAL_ERRORS, **self.errors}.get(status, Rejected)
        if kind is Refused and status != 403:
            detail = f" The server says: {readable(said, secrets)}." if said else ""
            hint = f" {server.key_hint}" if server.key_hint else ""
            return Refused(
                f"{server.name} at {server.url} refused the key ({status}). Setting: "
                f"{server.key_setting}.{hint}{detail}"
            )
        if status == 403:
            return Refused(
                self._text(method, path, f"does not allow this (403): {said}", secrets)
                + f" The key is known but lacks the permission. Setting: {server.key_setting}."
            )
        if status < 400:
            why = f"answered with a redirect to {answer.headers.get('Location')}"
            return UnexpectedAnswer(
                self._text(method, path, why, secrets) + f" Put the final address into {server.url_setting}."
            )
        return kind(self._text(method, path, f"answered {status}: {said or text}", secrets))

    def _text(self, method: str, path: str, what: str, secrets: tuple[str, ...]) -> str:
        return readable(f"{self.server.name} at {self.server.url} {what}", secrets).rstrip(".") + f" ({method} {path})."

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _TryAgain) and error.retry_after is not None:
            return min(error.retry_after, self.patience.longest_retry_after_seconds)
        backoff = wait_random_exponential(
            multiplier=self.patience.first_pause_seconds, max=self.patience.longest_pause_seconds
        )
        return float(backoff(state))

    def _tell(self, method: str, path: str) -> Callable[[RetryCallState], None]:
        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            why = error.why if isinstance(error, _TryAgain) else str(error)
            pause = state.next_action.sleep if state.next_action else 0.0
            self.log(f"{self.server.name}: {method} {path}: {why}; next try in {pause:.1f} s")

        return tell


def is_header_value(value: str) -> bool:
    """Visible ASCII with spaces and tabs inside (RFC 9110, 5.5); a pasted line break is the usual offender."""
    return value == value.strip() and all(" " <= character <= "~" or character == "\t" for character in value)


def server_message(text: str) -> str:
    """What the server says went wrong, from the usual shapes of an error body; "" when there is none."""
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body)
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    message = str(error.get("message") or body.get("message") or "")
    # Unleash puts what is really wrong into `details`.
    details = error.get("details")
    if isinstance(details, list):
        said = [str(item.get("message")) for item in details if isinstance(item, dict) and item.get("message")]
        message = "; ".join(dict.fromkeys([message, *said])) if message not in said else "; ".join(dict.fromkeys(said))
    return message


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, given as number or date."""
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
