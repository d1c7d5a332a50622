"""The catalog's flag table of the simulated vLLM release as the JSON file that the shim reads beside its binary.

python -m tools.peripherals.vllm_flags OUTPUT [RELEASE]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tools.paths import REPOSITORY

SIMULATED_RELEASE = "0.33.0"
RELEASES = REPOSITORY / "components" / "kindo_models" / "catalog" / "data" / "vllm_releases"


def table(release: str = SIMULATED_RELEASE) -> dict[str, Any]:
    """One release's table; the file says where it comes from."""
    from ruamel.yaml import YAML

    path = RELEASES / f"{release}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in RELEASES.glob("*.yaml")))
        raise SystemExit(f"vLLM release {release!r}: the catalog has no flag table of it; it has {known}")
    document: dict[str, Any] = YAML(typ="safe").load(path)
    return document


def write(output: Path, release: str = SIMULATED_RELEASE) -> Path:
    output.write_text(json.dumps(table(release), default=str, indent=1, sort_keys=True) + "\n")
    return output


if __name__ == "__main__":
    write(Path(sys.argv[1]), *sys.argv[2:3])
