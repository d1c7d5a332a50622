"""The environment variables of the stack `local`: what `make env` prints and `make up` and the tests run with."""

from __future__ import annotations

import os
from pathlib import Path

from tools.paths import PORTS, REPOSITORY, Instance, bin_dir, cache_dir
from tools.peripherals.secrets import secrets
from tools.setup import images
from tools.setup.golang import KUBERNETES_PROVIDER


def stack_environment(instance: Instance, *, virtual_environment: Path = REPOSITORY / ".venv") -> dict[str, str]:
    """Variables that stacks/Pulumi.local.yaml and its contract name, and Pulumi's own. Holds secrets."""
    built = images.references(os.environ.get("KINDO_IMAGE_REGISTRY"))
    given = secrets(instance)
    return {
        "PATH": os.pathsep.join([str(virtual_environment / "bin"), str(commands()), _path()]),
        "KUBECONFIG": str(instance.kubeconfig),
        "PULUMI_HOME": str(pulumi_home(instance)),
        "PULUMI_BACKEND_URL": f"file://{instance.state_dir / 'pulumi-state'}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KINDO_MODELS_IMAGE_VLLM": built["vllm-simulator"],
        "KINDO_MODELS_IMAGE_OLLAMA": built["ollama-smollm2"],
        "KINDO_MODELS_IMAGE_LITELLM": built["litellm"],
        "KINDO_ADMIN_URL": f"http://{instance.node_ip}:{PORTS['kindo-admin-api']}",
        "UNLEASH_URL": f"http://{instance.node_ip}:{PORTS['unleash']}",
        "KINDO_GATEWAY_URL": f"http://{instance.node_ip if instance.namespaced else '127.0.0.1'}:{PORTS['gateway']}",
        **given,
        # Belongs to `encryptionsalt` in stacks/Pulumi.local.yaml, which is committed so that `up` never edits the file.
        "PULUMI_CONFIG_PASSPHRASE": "kindo-models-local",
    }


def pulumi_home(instance: Instance) -> Path:
    """Pulumi's own folder, with the provider plugin that we built where it looks for installed ones."""
    home = instance.state_dir / "pulumi-home"
    built = bin_dir() / "pulumi-resource-kubernetes"
    if built.exists():
        place = home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PROVIDER}" / built.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or not place.samefile(built):
            temporary = place.with_name(f".{place.name}.{os.getpid()}")
            temporary.symlink_to(built)
            temporary.replace(place)
    return home


def commands() -> Path:
    """A folder with what people type. Not bin_dir(): Pulumi warns of plugins that it finds on the PATH, and finds those
    beside its own file without it."""
    folder = cache_dir() / "commands"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("pulumi", "kubectl", "helm", "crane"):
        link = folder / name
        if (bin_dir() / name).exists() and not link.is_symlink():
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.symlink_to(bin_dir() / name)
            temporary.replace(link)
    return folder


def _path() -> str:
    """PATH without our own folders, so that `eval "$(make env)"` twice does not grow it."""
    own = {str(cache_dir() / "commands"), str(REPOSITORY / ".venv" / "bin")}
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part not in own)
