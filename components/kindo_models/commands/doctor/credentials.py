"""Credentials: whether they are there, never what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from kindo_models.commands.doctor.check import Check
from kindo_models.environment import Environment
from kindo_models.planning.model import Plan
from kindo_models.source import Source

# The same names that the registration's providers read (registration.credentials, which imports nothing of Pulumi).
KINDO_KEY = "KINDO_ADMIN_API_KEY"
UNLEASH_KEY = "UNLEASH_ADMIN_TOKEN"
_CONFIG = "kindo-models"


def credential_checks(
    variables: Mapping[str, str], made: Plan | None, environment: Environment | None, stack_file: Source | None
) -> list[Check]:
    """What the stack needs; without a stack only Pulumi's own."""
    written = _secrets(stack_file)
    found = [*_pulumi(variables, stack_file)]
    if environment is not None:
        found += _targets(variables, environment, written)
        found += _clouds(variables, environment, made)
    if made is not None:
        wanted: dict[str, list[str]] = {}
        for key in made.keys:
            if key.variable:
                wanted.setdefault(key.variable, []).append(key.model)
        found += [
            _named(variables, name, f"{_CONFIG}:{name}", written, f"wanted by {', '.join(models)}")
            for name, models in wanted.items()
        ]
    return found


def _named(variables: Mapping[str, str], name: str, setting: str, written: frozenset[str], why: str) -> Check:
    if variables.get(name, "").strip():
        return Check("credentials", name, "ok", "set in the environment")
    if setting in written:
        return Check("credentials", name, "ok", f"{setting} in the stack's configuration")
    fix = f"export {name}=… or: pulumi config set --secret {setting} …"
    return Check("credentials", name, "error", f"not set; {why}", fix)


def _targets(variables: Mapping[str, str], environment: Environment, written: frozenset[str]) -> Iterator[Check]:
    if environment.part == "platform":
        return
    if environment.registration.kindo:
        yield _named(variables, KINDO_KEY, f"{_CONFIG}:kindoAdminApiKey", written, "wanted by the Kindo admin API")
    if environment.flags:
        yield _named(variables, UNLEASH_KEY, f"{_CONFIG}:unleashAdminToken", written, "wanted by Unleash")


def _pulumi(variables: Mapping[str, str], stack_file: Source | None) -> Iterator[Check]:
    backend = variables.get("PULUMI_BACKEND_URL", "")
    if backend:
        yield Check("settings", "Pulumi backend", "ok", _without_credentials(backend))
    else:
        yield Check("settings", "Pulumi backend", "ok", "that of `pulumi login` (PULUMI_BACKEND_URL is not set)")
    if backend.startswith("azblob://"):
        yield _azure_blob(variables)
    if backend.startswith("s3://"):
        yield _aws(variables, "the S3 backend")
    data = stack_file.data if stack_file and isinstance(stack_file.data, dict) else {}
    if "encryptionsalt" in data:
        names = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
        if any(name in variables for name in names):
            yield Check("credentials", "PULUMI_CONFIG_PASSPHRASE", "ok", "set in the environment")
        else:
            yield Check(
                "credentials",
                "PULUMI_CONFIG_PASSPHRASE",
                "error",
                "not set; the stack's secrets are encrypted with a passphrase",
                'export PULUMI_CONFIG_PASSPHRASE=… (the stack local: eval "$(make env)")',
            )


def _azure_blob(variables: Mapping[str, str]) -> Check:
    """The backend reads AZURE_*, not the ARM_* of Pulumi's Azure provider."""
    if variables.get("AZURE_STORAGE_ACCOUNT"):
        return Check("settings", "AZURE_STORAGE_ACCOUNT", "ok", "set in the environment")
    reason = "ARM_* is not read by the backend" if variables.get("ARM_CLIENT_ID") else "the azblob backend needs it"
    return Check("settings", "AZURE_STORAGE_ACCOUNT", "error", f"not set; {reason}", "export AZURE_STORAGE_ACCOUNT=…")


def _clouds(variables: Mapping[str, str], environment: Environment, made: Plan | None) -> Iterator[Check]:
    kind = environment.cluster.kind
    own_keys = {key.field for key in made.keys} if made else set()
    bedrock = made is not None and any(one.provider == "AWS Bedrock" for one in made.registrations)
    if kind == "eks":
        yield _aws(variables, "the EKS cluster")
    elif bedrock and "aws_access_key_id" not in own_keys:
        yield _aws(variables, "Amazon Bedrock")
    if kind == "aks":
        yield _azure(variables)


def _aws(variables: Mapping[str, str], why: str) -> Check:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ):
        if variables.get(name):
            return Check("credentials", "AWS", "ok", f"{name} is set")
    home = Path(variables.get("HOME", "~")).expanduser()
    for file in (Path(variables.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws/credentials"), home / ".aws/config"):
        if file.is_file():
            return Check("credentials", "AWS", "ok", f"{file} is there")
    return Check(
        "credentials", "AWS", "warning", f"none found; wanted by {why}", "aws sso login, or export AWS_PROFILE=…"
    )


def _azure(variables: Mapping[str, str]) -> Check:
    for name in ("ARM_CLIENT_ID", "ARM_USE_OIDC", "ARM_USE_MSI", "AZURE_CLIENT_ID"):
        if variables.get(name):
            return Check("credentials", "Azure", "ok", f"{name} is set")
    profile = Path(variables.get("AZURE_CONFIG_DIR") or Path(variables.get("HOME", "~")).expanduser() / ".azure")
    if (profile / "azureProfile.json").is_file():
        return Check("credentials", "Azure", "ok", f"{profile / 'azureProfile.json'} is there")
    return Check(
        "credentials", "Azure", "warning", "none found; wanted by the AKS cluster", "az login, or export ARM_*"
    )


def _secrets(stack_file: Source | None) -> frozenset[str]:
    """Keys of the stack's configuration."""
    data = stack_file.data if stack_file else None
    config = data.get("config") if isinstance(data, dict) else None
    return frozenset(config) if isinstance(config, dict) else frozenset()


def _without_credentials(url: str) -> str:
    """An address without the user and password that postgres:// takes, and without its query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
