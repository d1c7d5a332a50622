"""The environment of a command that a test types as a user would."""

from __future__ import annotations

import os


def outside_make() -> dict[str, str]:
    """Without what `make test` leaves for the make that it expects below it, which then announces folders."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
