"""`kindo-models schema environment`: the JSON Schema of the environment, for editors."""

from __future__ import annotations

from kindo_models.commands.printing import print_json
from kindo_models.environment.schema import environment_schema


def print_environment_schema() -> int:
    print_json(environment_schema())
    return 0
