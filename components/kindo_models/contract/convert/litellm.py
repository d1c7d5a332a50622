"""LiteLLM's proxy configuration as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_HEAD = """\
# LiteLLM proxy: litellm --config THIS_FILE. Keys are read from the environment (kindo-models render … --target env).
"""


def config_file(config: Mapping[str, Any]) -> str:
    """`config`: as the plan makes it for the gateway, secrets as `os.environ/NAME`."""
    return _HEAD + yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=1000)
