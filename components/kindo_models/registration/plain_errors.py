"""Errors of a provider without Python's traceback, where the error is an expected one.

The SDK's provider process answers every exception with `traceback.format_exc()` (pulumi/dynamic/__main__.py,
`_abort_with_traceback`), so that a refused key would fill the user's screen with our call stack. The SDK offers no
other way to report an error from create, update, read or delete: raising is all that a provider can do, and the gRPC
context is not passed on. So this one name, as that module sees it, is replaced: expected errors give their message;
anything else stays a traceback, without keys. Should the SDK change there, nothing is replaced and tracebacks are back;
a test over gRPC would tell.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

from kindo_models.registration.clients.redaction import redact
from kindo_models.registration.credentials import known_values
from kindo_models.registration.errors import RegistrationError
from kindo_models.registration.progress import in_provider_process


class _Tracebacks:
    def format_exc(self, *arguments: Any, **named: Any) -> str:
        error = sys.exc_info()[1]
        text = str(error) if isinstance(error, RegistrationError) else traceback.format_exc(*arguments, **named)
        return redact(text, known_values())

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)


def install() -> None:
    """In the provider process only; elsewhere nothing happens."""
    main = sys.modules.get("__main__")
    if in_provider_process() and getattr(main, "traceback", None) is traceback:
        vars(main)["traceback"] = _Tracebacks()
