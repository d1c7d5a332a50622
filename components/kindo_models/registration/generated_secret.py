"""A Secret whose values are made once, in the cluster: created if absent, never regenerated, never in Pulumi's state.

What leaves is a fingerprint of each value (HMAC-SHA256), so that a rotation by hand shows as one change. Its salt lies
in the same Secret: who could use it can read the values anyway, and without it a fingerprint in the state tells
nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kindo_models.registration.clients.cluster import Cluster
from kindo_models.registration.errors import Conflict, RegistrationError

OWNER = "kindo-models.dev/owner"
SALT_KEY = "fingerprint-salt"
RANDOM_BYTES = 32


@dataclass(frozen=True)
class SecretState:
    uid: str
    fingerprints: dict[str, str]


def ensure(
    cluster: Cluster, namespace: str, name: str, keys: Mapping[str, str], labels: Mapping[str, str], owner: str
) -> SecretState:
    """Create it, or add the keys that are missing. `keys`: name → prefix of the generated value ("sk-")."""
    for _ in range(5):
        found = cluster.secret(namespace, name)
        try:
            if found is None:
                found = cluster.create_secret(namespace, document(namespace, name, keys, labels, owner))
            elif changes := missing(found, keys) | renamed(found, owner):
                changes.setdefault("metadata", {})["resourceVersion"] = found["metadata"]["resourceVersion"]
                found = cluster.patch_secret(namespace, name, changes)
        except Conflict:
            # Somebody was faster; what they made counts.
            continue
        return state(found, keys)
    raise RegistrationError(f"The Secret {namespace}/{name} is being changed by somebody else all the time; try again.")


def read(cluster: Cluster, namespace: str, name: str, keys: Mapping[str, str]) -> SecretState | None:
    """Its state now; a key that somebody removed has no fingerprint, which shows as a change."""
    found = cluster.secret(namespace, name)
    return None if found is None else state(found, keys)


def remove(cluster: Cluster, namespace: str, name: str, owner: str) -> bool:
    """Delete it if this owner made it; tells whether it did."""
    found = cluster.secret(namespace, name)
    if found is None or owner_of(found) != owner:
        return False
    cluster.delete_secret(namespace, name, str(found["metadata"]["uid"]))
    return True


def value(cluster: Cluster, namespace: str, name: str, key: str) -> str:
    """One value of any Secret, for sending it on; never to be stored or shown."""
    found = cluster.secret(namespace, name)
    if found is None:
        raise RegistrationError(f"The Secret {namespace}/{name} does not exist; it should hold the key {key}.")
    data = found.get("data") or {}
    if key not in data:
        raise RegistrationError(
            f"The Secret {namespace}/{name} has no key {key}; it has {', '.join(sorted(data)) or 'none'}."
        )
    return base64.b64decode(data[key]).decode()


def fingerprint(salt: bytes, text: str) -> str:
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


# --- pure parts ---------------------------------------------------------------------------------------------------


def document(
    namespace: str, name: str, keys: Mapping[str, str], labels: Mapping[str, str], owner: str
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "kindo-models", **labels},
            "annotations": {OWNER: owner},
        },
        "data": generate(keys) | {SALT_KEY: encode(secrets.token_hex(RANDOM_BYTES))},
    }


def missing(found: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Patch with values for the keys that the Secret lacks, its salt included."""
    data = found.get("data") or {}
    additions = generate({key: prefix for key, prefix in keys.items() if not data.get(key)})
    if not data.get(SALT_KEY):
        additions[SALT_KEY] = encode(secrets.token_hex(RANDOM_BYTES))
    return {"data": additions} if additions else {}


def renamed(found: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Patch that follows a resource renamed within its stack; otherwise deleting the old name would take the values
    along.
    """
    before = owner_of(found)
    same_stack = before is not None and before.split("/")[:2] == owner.split("/")[:2]
    return {"metadata": {"annotations": {OWNER: owner}}} if same_stack and before != owner else {}


def generate(keys: Mapping[str, str]) -> dict[str, str]:
    return {key: encode(prefix + secrets.token_urlsafe(RANDOM_BYTES)) for key, prefix in keys.items()}


def state(found: Mapping[str, Any], keys: Mapping[str, str]) -> SecretState:
    data = found.get("data") or {}
    salt = base64.b64decode(data.get(SALT_KEY) or "")
    prints = {key: fingerprint(salt, base64.b64decode(data[key]).decode()) for key in keys if data.get(key)}
    return SecretState(uid=str(found["metadata"]["uid"]), fingerprints=prints)


def owner_of(found: Mapping[str, Any]) -> str | None:
    owner = (found["metadata"].get("annotations") or {}).get(OWNER)
    return str(owner) if owner else None


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
