"""A copy of the product's Pulumi project, which a test may edit, and the `pulumi` commands on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """One finished command."""

    status: int
    output: str
    """Standard output and error, as a user sees them."""


@dataclass
class Project:
    """`Pulumi.yaml`, `__main__.py` and `stacks/` in a folder of their own."""

    folder: Path
    environment: dict[str, str]
    stack: str = "local"
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copy(cls, folder: Path, environment: Mapping[str, str], *, virtual_environment: Path | None = None) -> Project:
        folder.mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(REPOSITORY / name, folder)
        shutil.copytree(REPOSITORY / "stacks", folder / "stacks")
        (folder / ".venv").symlink_to(virtual_environment or REPOSITORY / ".venv")
        project = cls(folder, dict(environment))
        project.pulumi("stack", "select", project.stack, "--create", check=True)
        return project

    def pulumi(self, *arguments: str, check: bool = False, timeout: float = 600) -> Run:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return Run(done.returncode, done.stdout)

    def up(self, *arguments: str, check: bool = False) -> Run:
        return self.pulumi("up", "--stack", self.stack, "--yes", "--skip-preview", *arguments, check=check)

    def destroy(self) -> Run:
        return self.pulumi("destroy", "--stack", self.stack, "--yes", "--skip-preview", check=True)

    def preview_steps(self) -> dict[str, str]:
        """URN → operation of everything that a preview would not leave as it is."""
        done = subprocess.run(
            ["pulumi", "--non-interactive", "preview", "--stack", self.stack, "--json"],
            cwd=self.folder,
            env={**os.environ, **self.environment, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return {step["urn"]: step["op"] for step in json.loads(done.stdout)["steps"] if step["op"] != "same"}

    def outputs(self) -> dict[str, Any]:
        done = self.pulumi("stack", "output", "--json", "--stack", self.stack, check=True)
        found: dict[str, Any] = json.loads(done.output)
        return found

    def models(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.outputs()["models"]}

    def state(self) -> str:
        """The state as plain text, secrets encrypted, as `pulumi stack export` prints it."""
        return self.pulumi("stack", "export", "--stack", self.stack, check=True).output

    @property
    def contract_file(self) -> Path:
        return self.folder / "stacks" / f"{self.stack}.contract.yaml"

    @property
    def stack_file(self) -> Path:
        return self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"

    def edit_contract(self, change: Callable[[list[dict[str, Any]]], Any]) -> None:
        """`change` gets the list of entries and alters it in place."""
        content = yaml.safe_load(self.contract_file.read_text())
        change(content["models"])
        self.contract_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def edit_environment(self, change: Callable[[dict[str, Any]], Any]) -> None:
        content = yaml.safe_load(self.stack_file.read_text())
        change(content["config"]["kindo-models:environment"])
        self.stack_file.write_text(yaml.safe_dump(content, sort_keys=False))


def entry(models: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(model for model in models if model["litellmModelName"] == name)
