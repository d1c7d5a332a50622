"""Faults that tests ask for: errors, slow answers, answers that are lost after the work was done. Off unless the
stand-in is started with --faults; then `POST /stand-in/faults` plans one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTROL = "/stand-in/"
Handler = Callable[[Request], Awaitable[Response]]


class Fault(BaseModel):
    """One planned fault. It meets the next `times` requests whose method and path match."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["status", "slow", "lost-answer", "drop", "malformed"]
    method: str = "*"
    path: str = ".*"
    """Regular expression for the whole path."""
    times: Annotated[int, Field(ge=1)] = 1
    status: int = 503
    retry_after: float | None = None
    seconds: Annotated[float, Field(ge=0)] = 1.0

    def meets(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("*", method) and re.fullmatch(self.path, path) is not None


class Faults:
    """ASGI middleware: journal of the requests, and the planned faults."""

    def __init__(self, app: ASGIApp, planned: list[Fault], journal: list[dict[str, object]]) -> None:
        self._app, self._planned, self._journal = app, planned, journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        entry: dict[str, object] = {"method": scope["method"], "path": scope["path"]}
        self._journal.append(entry)

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        fault = next((fault for fault in self._planned if fault.meets(scope["method"], scope["path"])), None)
        if fault is None:
            await self._app(scope, receive, recorded)
            return
        fault.times -= 1
        entry["fault"] = fault.kind
        if fault.kind == "lost-answer":  # the work is done, the client never hears of it
            await self._app(scope, receive, _nowhere)
        if fault.kind in ("lost-answer", "drop"):
            await _hang_up(send)
            return
        await self._misanswer(fault, scope, receive, recorded)

    async def _misanswer(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "status":
                headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
                error = {"error": {"message": "planned fault", "code": "planned_fault"}}
                await JSONResponse(error, fault.status, headers)(scope, receive, send)
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case "malformed":
                await Response('{"data": [', media_type="application/json")(scope, receive, send)


async def _nowhere(message: Message) -> None:
    pass


async def _hang_up(send: Send) -> None:
    """Close the connection without an answer. ASGI has no word for it; uvicorn's `send` belongs to the connection."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await asyncio.sleep(0.01)  # until uvicorn has noticed


def control(planned: list[Fault], journal: list[dict[str, object]]) -> dict[tuple[str, str], Handler]:
    """Handlers of the control routes, by method and path."""

    async def plan(request: Request) -> Response:
        planned.append(Fault.model_validate_json(await request.body()))
        return Response(status_code=204)

    async def clear(_: Request) -> Response:
        planned.clear()
        journal.clear()
        return Response(status_code=204)

    async def requests(_: Request) -> Response:
        return JSONResponse(journal)

    return {("POST", "faults"): plan, ("DELETE", "faults"): clear, ("GET", "requests"): requests}
