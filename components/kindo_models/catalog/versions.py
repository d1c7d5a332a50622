"""Order of release numbers."""

from __future__ import annotations

import re


def ordinal(version: str) -> tuple[int, ...]:
    """ "v1.106.0" → (1, 106, 0); what follows the numbers (`-stable`, `rc1`) is ignored, "" and words give ()."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()
