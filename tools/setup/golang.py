"""Binaries from pinned Go modules (tools/go): the Pulumi engine, Kubernetes, etcd, CoreDNS, model servers."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.paths import REPOSITORY, bin_dir
from tools.setup.prerequisites import go_version
from tools.setup.step import Lane, Step, Task, digest_of

SOURCES = REPOSITORY / "tools" / "go"

PULUMI = "3.255.0"
KUBERNETES_PROVIDER = "4.25.0"
KUBERNETES = "1.36.3"


@dataclass(frozen=True)
class Binary:
    """One `go build`. Flags decide what comes out, so they are pins like go.mod."""

    name: str
    title: str
    seconds: float
    module: str
    """Folder under tools/go."""
    package: str = "."
    version_variables: tuple[str, ...] = ()
    version: str = ""
    tags: str = ""
    cgo: bool = False
    lane: Lane = Lane.BUILD
    needs: tuple[str, ...] = ()

    def flags(self) -> list[str]:
        stamps = "".join(f" -X {variable}={self.version}" for variable in self.version_variables)
        return [
            "-mod=readonly",  # a build never changes go.mod or go.sum
            "-trimpath",
            f"-ldflags=-s -w{stamps}",
            *([f"-tags={self.tags}"] if self.tags else []),
        ]

    def step(self) -> Step:
        sources = digest_of(SOURCES / self.module, without=("*_test.go", "testdata"))
        return Step(
            name=self.name,
            title=self.title,
            seconds=self.seconds,
            make=self._build,
            lane=self.lane,
            pins=(go_version() or "", sources, self.package, *self.flags(), str(self.cgo), *self.compiler_flags()),
            needs=self.needs,
            outputs=(f"bin/{self.name}",),
        )

    def compiler_flags(self) -> list[str]:
        """For the C and C++ parts."""
        return []

    def environment(self, task: Task) -> dict[str, str]:
        return {
            "CGO_ENABLED": "1" if self.cgo else "0",
            # The machine's Go or none: no toolchain is fetched, and settings of the user's own work do not leak in.
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOFLAGS": "-buildvcs=false",
        }

    def _build(self, task: Task) -> None:
        target = task.target / "bin" / self.name
        task.shell.run(
            ["go", "build", *self.flags(), "-v", "-o", target, self.package],
            cwd=SOURCES / self.module,
            environment=self.environment(task),
        )


@dataclass(frozen=True)
class Ollama(Binary):
    """Its C++ part includes headers that Go's module archives leave out (they lie in folders called `vendor`).

    Debian has two of the three as packages (nlohmann-json3-dev, libstb-dev).
    """

    def compiler_flags(self) -> list[str]:
        """This machine's vector instructions: 90 tokens a second instead of 22. The image is for this machine."""
        vector = ("avx2", "fma", "f16c", "bmi2")
        has_all = set(vector) <= _processor_flags()
        return ["-O3", *(f"-m{name}" for name in vector if has_all)]

    def environment(self, task: Task) -> dict[str, str]:
        module = task.shell.output(
            ["go", "-C", str(SOURCES / self.module), "mod", "download", "-json", "github.com/gen2brain/malgo"]
        )
        malgo = Path(json.loads(module)["Dir"])
        headers = task.scratch / "include"
        (headers / "miniaudio").mkdir(parents=True)
        shutil.copy(malgo / "miniaudio.h", headers / "miniaudio" / "miniaudio.h")
        flags = " ".join(self.compiler_flags())
        return {
            **super().environment(task),
            "CGO_CPPFLAGS": f"-I{headers}",
            "CGO_CFLAGS": flags,
            "CGO_CXXFLAGS": flags,
        }


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}


_KUBERNETES_VERSION = ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")


def _kubernetes(name: str, seconds: float) -> Binary:
    return Binary(
        name=name,
        title=f"{name} {KUBERNETES}",
        seconds=seconds,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version_variables=_KUBERNETES_VERSION,
        version=f"v{KUBERNETES}",
    )


ENGINE = (
    Binary(
        name="pulumi",
        title=f"Pulumi engine {PULUMI}",
        seconds=200,
        module="pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        version_variables=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",),
        version=f"v{PULUMI}",
        tags="osusergo,grpcnotrace",
    ),
    Binary(
        name="pulumi-resource-kubernetes",
        title=f"Pulumi's Kubernetes provider {KUBERNETES_PROVIDER}",
        seconds=300,
        module="pulumi-kubernetes",
        version_variables=("main.version",),
        version=KUBERNETES_PROVIDER,
    ),
)

ENGINE_FILES = (
    *(binary.name for binary in ENGINE),
    "pulumi-language-python",
    "pulumi-language-python-host.py",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)

CLUSTER = (
    _kubernetes("kube-apiserver", 296),
    _kubernetes("kube-controller-manager", 117),
    _kubernetes("kube-scheduler", 11),
    _kubernetes("kubelet", 20),
    _kubernetes("kube-proxy", 7),
    Binary(name="etcd", title="etcd 3.6.14", seconds=45, module="etcd", package="go.etcd.io/etcd/server/v3"),
    Binary(name="coredns", title="CoreDNS 1.14.7", seconds=48, module="coredns"),
    Binary(name="pause", title="pause (holds a pod's namespaces)", seconds=5, module="pause"),
    Binary(
        name="crane",
        title="crane 0.22.1 (pushes images to a registry)",
        seconds=15,
        module="crane",
        package="github.com/google/go-containerregistry/cmd/crane",
        version_variables=("github.com/google/go-containerregistry/cmd/crane/cmd.Version",),
        version="0.22.1",
    ),
)

MODEL_SERVERS = (
    Binary(
        name="llm-d-inference-sim",
        title="llm-d-inference-sim 0.10.2 (vLLM's API)",
        seconds=60,
        module="sim",
        package="github.com/llm-d/llm-d-inference-sim/cmd/llm-d-inference-sim",
    ),
    Binary(name="vllm-shim", title="vLLM entry point of the simulator", seconds=5, module="vllm-shim"),
    Ollama(
        name="ollama",
        title="Ollama 0.13.5",
        seconds=220,
        module="ollama",
        package="github.com/ollama/ollama",
        version_variables=("github.com/ollama/ollama/version.Version",),
        version="0.13.5",
        cgo=True,
        # C++ compiles file by file on one core, and waits for the packages anyway.
        lane=Lane.FETCH,
        needs=("debian-packages",),
    ),
)


@cache
def official_pulumi() -> Path | None:
    """An installed Pulumi CLI (not ours), which is preferred over building one."""
    if os.environ.get("KINDO_MODELS_BUILD_ENGINE") == "1":
        return None
    ours = bin_dir().resolve()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = Path(folder or ".") / "pulumi"
        # Ours is a hard link that other clones' caches have as well: known by the set-up's mark beside it.
        if os.access(program, os.X_OK) and program.is_file():
            real = program.resolve().parent
            if real != ours and not (real / MARK).exists():
                return program
    return None


MARK = ".made-by-kindo-models"


def give_way_to_official() -> None:
    """With an installed Pulumi, an engine that we built before must not stand before it on the PATH."""
    if official_pulumi():
        for name in ENGINE_FILES:
            (bin_dir() / name).unlink(missing_ok=True)


def binaries() -> tuple[Binary, ...]:
    engine = () if official_pulumi() else ENGINE
    return (*engine, *CLUSTER, *MODEL_SERVERS)
