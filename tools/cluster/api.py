"""The Kubernetes API over plain HTTP: a client with a certificate, and list-then-watch.

The `kubernetes` package takes a second to import, which every start of the cluster would pay several times.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tools.cluster.certificates import ADMIN, Certificates, server
from tools.paths import Instance

Object = dict[str, Any]

FIELD_MANAGER = "kindo-local-cluster"


def client(instance: Instance, identity: str = ADMIN, *, timeout: float = 5) -> httpx.Client:
    return httpx.Client(base_url=server(instance), verify=_tls(instance, identity), trust_env=False, timeout=timeout)


def async_client(instance: Instance, identity: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server(instance), verify=_tls(instance, identity), trust_env=False, timeout=10)


def apply(api: httpx.Client, path: str, content: Object) -> None:
    """Server-side apply; `path` is the object's own path."""
    answer = api.patch(
        path,
        params={"fieldManager": FIELD_MANAGER, "force": "true"},
        headers={"content-type": "application/apply-patch+yaml"},
        content=json.dumps(content),
    )
    if answer.is_error:
        raise RuntimeError(f"The API server refused {path}: {answer.text}")


def merge_patch(api: httpx.Client, path: str, change: Object) -> Object:
    answer = api.patch(path, headers={"content-type": "application/merge-patch+json"}, content=json.dumps(change))
    if answer.is_error:
        raise RuntimeError(f"The API server refused {path}: {answer.text}")
    result: Object = answer.json()
    return result


async def list_and_watch(api: httpx.AsyncClient, path: str) -> AsyncIterator[list[Object] | tuple[str, Object]]:
    """First the whole list, then (event type, object) for each change, for ever.

    A watch that the server can no longer continue, and a server that went away, lead to a new whole list.
    """
    while True:
        try:
            answer = await api.get(path)
            answer.raise_for_status()
            listing = answer.json()
            yield listing["items"]
            version = listing["metadata"]["resourceVersion"]
            while True:
                async for kind, content in _events(api, path, version):
                    version = content["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        yield kind, content
        except (httpx.HTTPError, _WatchExpired):
            await asyncio.sleep(0.2)


class _WatchExpired(Exception):
    """The server has compacted the version from which the watch was to go on."""


async def _events(api: httpx.AsyncClient, path: str, version: str) -> AsyncIterator[tuple[str, Object]]:
    """One watch request, until the server ends it."""
    query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "300"}
    async with api.stream("GET", path, params=query, timeout=httpx.Timeout(10, read=330)) as answer:
        if answer.status_code == httpx.codes.GONE:
            raise _WatchExpired
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise _WatchExpired
            yield event["type"], event["object"]


def _tls(instance: Instance, identity: str) -> ssl.SSLContext:
    certificates = Certificates(instance)
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(certificates.certificate(identity), certificates.key(identity))
    return context
