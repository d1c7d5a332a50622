"""The settings of one stack: where and how. One object `kindo-models:environment` in `stacks/Pulumi.<stack>.yaml`.

`load_environment(path)` reads, merges what it extends, and checks; `Environment` is what the rest of the package reads.
"""

from kindo_models.environment.cluster import Cloud, Cluster, NodePools
from kindo_models.environment.gateway import GatewaySettings, Retries, ServiceAccount
from kindo_models.environment.load import CONFIG_KEY, load_environment
from kindo_models.environment.model import Environment, PlatformReference
from kindo_models.environment.packing import Packing
from kindo_models.environment.providers import CloudModels, ProviderSettings
from kindo_models.environment.registration import FlagSettings, KindoApi, RegistrationSettings, VerificationSettings
from kindo_models.environment.secrets import (
    ExternalSecrets,
    SecretKey,
    SecretSettings,
    SecretStore,
    StoredKey,
)
from kindo_models.environment.serving import Images, Resources, Serving
from kindo_models.environment.sizing import SizingMode, SizingSettings

__all__ = [
    "CONFIG_KEY",
    "Cloud",
    "CloudModels",
    "Cluster",
    "Environment",
    "ExternalSecrets",
    "FlagSettings",
    "GatewaySettings",
    "Images",
    "KindoApi",
    "NodePools",
    "Packing",
    "PlatformReference",
    "ProviderSettings",
    "RegistrationSettings",
    "Resources",
    "Retries",
    "SecretKey",
    "SecretSettings",
    "SecretStore",
    "ServiceAccount",
    "Serving",
    "SizingMode",
    "SizingSettings",
    "StoredKey",
    "VerificationSettings",
    "load_environment",
]
