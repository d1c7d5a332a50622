"""Pages of docs/ that are written from the code: `python -m tools.docs` writes them, a test holds them equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.docs import command_line, contract, environment, providers
from tools.paths import REPOSITORY

PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line.page,
    "contract.md": contract.contract_page,
    "environment.md": environment.page,
    "findings.md": contract.findings_page,
    "providers.md": providers.page,
}
FOLDER = REPOSITORY / "docs"


def write(folder: Path = FOLDER) -> list[Path]:
    """Write all pages; returns those that changed."""
    changed = []
    for name, page in PAGES.items():
        file, text = folder / name, page()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(file)
    return changed
