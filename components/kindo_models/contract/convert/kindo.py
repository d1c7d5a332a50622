"""The pure contract for Kindo's installer: no `deploy:`, every address filled in; all else as the user wrote it."""

from __future__ import annotations

from collections.abc import Mapping

from kindo_models.contract.convert.edit import changed
from kindo_models.contract.model import Contract

# What an entry no longer needs when the gateway stands in front of it: the gateway holds the provider's credentials.
_GATEWAY_HOLDS = ("apiVersion", "awsRegion", "awsAccessKeyId", "awsSecretAccessKey", "deploy")


def direct(text: str, contract: Contract, served: Mapping[str, Mapping[str, str]], *, file: str) -> str:
    """Kindo calls each model where it is. served: routing key → fields of the models that we serve (`apiBase`)."""
    changes: dict[int, dict[str, str | None]] = {
        index: {"deploy": None, **served[entry.litellm_model_name]}
        for index, entry in enumerate(contract.models)
        if entry.deploy is not None
    }
    return changed(text, changes, file=file)


def fronted(text: str, contract: Contract, fields: Mapping[str, Mapping[str, str]], *, key: str, file: str) -> str:
    """Kindo calls every model through the gateway. fields: routing key → `litellmModel` and `apiBase` there;
    key: variable of the gateway's key.
    """
    changes: dict[int, dict[str, str | None]] = {
        index: {
            **fields[entry.litellm_model_name],
            "apiKey": f"${{{key}}}",
            **dict.fromkeys(_GATEWAY_HOLDS),
        }
        for index, entry in enumerate(contract.models)
    }
    return changed(text, changes, file=file)
