"""Keys of one instance: made once, kept in ``<state_dir>/secrets.json`` (mode 0600). They open nothing outside it."""

from __future__ import annotations

import json
import os
import secrets as random
import string
import tempfile
from collections.abc import Callable

from tools.paths import Instance

_LETTERS = string.ascii_letters + string.digits


def _characters(count: int, alphabet: str = _LETTERS) -> str:
    return "".join(random.choice(alphabet) for _ in range(count))


# Forms that a checker of key formats would accept.
_EXPORTED: dict[str, Callable[[], str]] = {
    "KINDO_ADMIN_API_KEY": lambda: f"kindo_sa_{random.token_hex(24)}",
    "UNLEASH_ADMIN_TOKEN": lambda: f"*:*.{random.token_hex(28)}",
    "PULUMI_CONFIG_PASSPHRASE": lambda: random.token_urlsafe(24),
    "OPENAI_API_KEY": lambda: f"sk-proj-{_characters(48)}",
    "ANTHROPIC_API_KEY": lambda: f"sk-ant-api03-{_characters(93)}AA",
    "GEMINI_API_KEY": lambda: f"AIzaSy{_characters(33)}",
    "AWS_ACCESS_KEY_ID": lambda: f"AKIA{_characters(16, string.ascii_uppercase + '234567')}",
    "AWS_SECRET_ACCESS_KEY": lambda: _characters(40),
    "AZURE_API_KEY": lambda: random.token_hex(16),
    "VLLM_API_KEY": lambda: f"sk-vllm-{_characters(40)}",
}
_INTERNAL: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": lambda: random.token_urlsafe(24),
    "UNLEASH_CLIENT_TOKEN": lambda: f"default:development.{random.token_hex(28)}",
    "UNLEASH_UI_PASSWORD": lambda: random.token_urlsafe(12),
}


def secrets(instance: Instance) -> dict[str, str]:
    """The keys that stack and contract name, by environment variable."""
    return _kept(instance, "exported", _EXPORTED)


def internal(instance: Instance) -> dict[str, str]:
    """Passwords that only the servers beside the cluster use among themselves."""
    return _kept(instance, "internal", _INTERNAL)


def _kept(instance: Instance, part: str, makers: dict[str, Callable[[], str]]) -> dict[str, str]:
    """What the file has, completed by what it lacks (a new name, an older file)."""
    path = instance.state_dir / "secrets.json"
    stored: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    known = stored.get(part, {})
    complete = {name: known.get(name) or make() for name, make in makers.items()}
    if complete != known:
        instance.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written aside and renamed, so that an interrupted run leaves the old file or the whole new one.
        descriptor, temporary = tempfile.mkstemp(dir=instance.state_dir, prefix=".secrets-")
        with os.fdopen(descriptor, "w") as file:
            json.dump({**stored, part: complete}, file, indent=1)
        os.replace(temporary, path)
    return complete
