"""The catalog's flag table of the simulated vLLM release as JSON, which the shim (tools/go/vllm-shim) embeds.

python -m tools.peripherals.vllm_flags [OUTPUT]      after a change of the catalog's table; a test holds both equal
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tools.paths import REPOSITORY

SIMULATED_RELEASE = "0.33.0"
RELEASES = REPOSITORY / "components" / "kindo_models" / "catalog" / "data" / "vllm_releases"
EMBEDDED = REPOSITORY / "tools" / "go" / "vllm-shim" / "flags.json"


def table(release: str = SIMULATED_RELEASE) -> dict[str, Any]:
    """One release's table; its head says where it comes from."""
    from ruamel.yaml import YAML

    path = RELEASES / f"{release}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in RELEASES.glob("*.yaml")))
        raise SystemExit(f"vLLM release {release!r}: the catalog has no flag table of it; it has {known}")
    document: dict[str, Any] = YAML(typ="safe").load(path)
    return document


def as_json(document: dict[str, Any]) -> str:
    """One line for each flag, so that a change shows as one line."""
    flags = ",\n".join(f"{json.dumps(name)}: {json.dumps(flag)}" for name, flag in document["flags"].items())
    rest = {key: document[key] for key in ("release", "removed", "tool_parsers", "reasoning_parsers")}
    return f'{json.dumps(rest)[:-1]},\n"flags": {{\n{flags}\n}}}}\n'


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else EMBEDDED).write_text(as_json(table()))
