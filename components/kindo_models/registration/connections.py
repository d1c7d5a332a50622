"""Clients of one provider process, each made once: all its threads share connections, and a rotated key makes a new
one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from kindo_models.catalog.kindo_admin import UnknownMapping, kindo_admin_mapping
from kindo_models.registration.clients.cluster import Cluster
from kindo_models.registration.clients.kindo import MAPPING_SETTING, KindoAdminClient
from kindo_models.registration.clients.unleash import UnleashClient
from kindo_models.registration.credentials import Credential
from kindo_models.registration.errors import RegistrationError
from kindo_models.registration.progress import tell

T = TypeVar("T")
_LOCK = threading.Lock()


def kindo(url: str, mapping: str, key: Credential) -> KindoAdminClient:
    try:
        known = kindo_admin_mapping(mapping)
    except UnknownMapping as error:
        raise RegistrationError(f"{error}. Set {MAPPING_SETTING}.") from None
    return _once(_kindo, url, known.name, key)


def unleash(url: str, token: Credential) -> UnleashClient:
    return _once(_unleash, url, token)


def cluster(kubeconfig: str | None, context: str | None) -> Cluster:
    return _once(_cluster, kubeconfig, context)


def _once(make: Callable[..., T], *arguments: Any) -> T:
    """`functools.cache` alone may call twice when two threads come at once."""
    with _LOCK:
        return make(*arguments)


@cache
def _kindo(url: str, mapping: str, key: Credential) -> KindoAdminClient:
    return KindoAdminClient(url, kindo_admin_mapping(mapping), key, log=tell)


@cache
def _unleash(url: str, token: Credential) -> UnleashClient:
    return UnleashClient(url, token, log=tell)


@cache
def _cluster(kubeconfig: str | None, context: str | None) -> Cluster:
    return Cluster(kubeconfig, context)
