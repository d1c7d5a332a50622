"""The arrows of docs/architecture.md: contract, catalog → planning → components → platform → program."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "components" / "kindo_models"

# Folder or module → what of kindo_models it may import.
BASE = {"findings", "source", "contract", "catalog"}
ALLOWED = {
    "findings": set(),
    "source": {"findings"},
    "catalog": {"findings", "source"},
    "contract": {"findings", "source", "catalog"},
    "environment": {"findings", "source", "catalog", "environment_packing"},
    "environment_packing": set(),
    "planning": BASE | {"environment", "environment_packing"},
}


def imports(file: Path) -> set[str]:
    """First part below kindo_models of every import in the file, wherever in it, and `pulumi` for Pulumi."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "kindo_models" else [f"kindo_models.{a.name}" for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "kindo_models" and len(parts) > 1:
                found.add(parts[1])
            elif parts[0].startswith("pulumi"):
                found.add("pulumi")
            elif parts[0] == "tools":
                found.add("tools")
    return found


def files_of(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_the_arrows_allow(part: str) -> None:
    files = files_of(part)
    assert files
    for file in files:
        assert imports(file) <= ALLOWED[part] | {part}, file


def test_no_product_code_imports_the_local_environment() -> None:
    for file in PACKAGE.rglob("*.py"):
        assert "tools" not in imports(file), file


def test_planning_and_the_package_itself_load_without_pulumi() -> None:
    code = (
        "import sys, kindo_models; kindo_models.plan; kindo_models.load_contract; kindo_models.load_environment\n"
        "print([name for name in sys.modules if name.split('.')[0].startswith('pulumi') or name == 'kubernetes'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
