"""Pulumi's Python side beside the engine that we build: language host, program runner, dynamic provider."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tools.paths import REPOSITORY, bin_dir
from tools.setup.golang import KUBERNETES_PROVIDER, official_pulumi
from tools.setup.golang import SOURCES as GO_SOURCES
from tools.setup.step import Lane, Step, Task, digest_of

SOURCES = REPOSITORY / "tools" / "hosts"
OURS = ("pulumi-language-python", "pulumi-language-python-host.py")
FROM_MODULE = {
    # Pulumi's own files; the Go module of the SDK carries them, go.sum pins them.
    "pulumi-language-python-exec": "python/cmd/pulumi-language-python-exec",
    "pulumi-resource-pulumi-python": "python/dist/pulumi-resource-pulumi-python",
}


def step() -> Step:
    return Step(
        name="pulumi-hosts",
        title="Pulumi's hosts for Python programs",
        seconds=5,
        lane=Lane.FETCH,
        make=_install,
        pins=(digest_of(*(SOURCES / name for name in OURS)), digest_of(GO_SOURCES / "pulumi" / "go.sum")),
        outputs=tuple(f"bin/{name}" for name in (*OURS, *FROM_MODULE)),
    )


def _install(task: Task) -> None:
    binaries = task.target / "bin"
    binaries.mkdir(parents=True)
    module = task.shell.output(
        ["go", "-C", str(GO_SOURCES / "pulumi"), "mod", "download", "-json", "github.com/pulumi/pulumi/sdk/v3"]
    )
    sdk = Path(json.loads(module)["Dir"])
    sources = {name: SOURCES / name for name in OURS} | {name: sdk / path for name, path in FROM_MODULE.items()}
    for name, source in sources.items():
        shutil.copyfile(source, binaries / name)
        (binaries / name).chmod(0o755)


def install_provider(pulumi_home: Path) -> None:
    """Put our Kubernetes provider where Pulumi keeps its plugins, so that it is found by version and without a warning.

    With an installed Pulumi nothing is done: it fetches its own. Set PULUMI_IGNORE_AMBIENT_PLUGINS=true beside it,
    since the provider is on the PATH as well.
    """
    if official_pulumi():
        return
    name = "pulumi-resource-kubernetes"
    folder = pulumi_home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PROVIDER}"
    built, link = bin_dir() / name, folder / name
    if link.exists() and link.stat().st_size == built.stat().st_size and link.stat().st_mtime == built.stat().st_mtime:
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        os.link(built, temporary)
    except OSError:  # another file system
        shutil.copy2(built, temporary)
    temporary.replace(link)
