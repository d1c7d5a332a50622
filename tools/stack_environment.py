"""The environment variables of the stack `local`: what `make env` prints and `make up` and the tests run with."""

from __future__ import annotations

import os
from pathlib import Path

from tools.paths import PORTS, REPOSITORY, Instance, bin_dir
from tools.peripherals.secrets import secrets
from tools.setup import images


def stack_environment(instance: Instance, *, virtual_environment: Path = REPOSITORY / ".venv") -> dict[str, str]:
    """Variables that stacks/Pulumi.local.yaml and its contract name, and Pulumi's own. Holds secrets."""
    built = images.references(os.environ.get("KINDO_IMAGE_REGISTRY"))
    given = secrets(instance)
    return {
        "PATH": os.pathsep.join([str(virtual_environment / "bin"), str(bin_dir()), _path()]),
        "KUBECONFIG": str(instance.kubeconfig),
        "PULUMI_HOME": str(instance.state_dir / "pulumi-home"),
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


def _path() -> str:
    """PATH without our own folders, so that `eval "$(make env)"` twice does not grow it."""
    own = {str(bin_dir()), str(REPOSITORY / ".venv" / "bin")}
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part not in own)
