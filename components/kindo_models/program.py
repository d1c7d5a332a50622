"""What `__main__.py` needs from Pulumi: the current stack, and its secrets as secret outputs."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping

import pulumi
from pulumi.runtime.rpc import UNKNOWN

from kindo_models.findings import InputError
from kindo_models.planning.keys import resolve_keys
from kindo_models.planning.plan import accept
from kindo_models.stack import Stack, load_stack


def current_stack() -> Stack:
    """The stack that `pulumi` runs, planned. The user's mistakes end the run with findings, without a traceback."""
    try:
        stack = load_stack(pulumi.get_stack(), today=datetime.date.today())
        accept(stack.plan)
    except InputError as error:
        raise pulumi.RunError(f"\n{error}") from None
    for finding in stack.plan.findings:
        pulumi.warn(str(finding).removeprefix("warning"))
    return stack


def stack_keys(stack: Stack) -> dict[str, pulumi.Output[str]]:
    """Secret values by name: from the process environment, else from Pulumi's secret configuration.

    All missing ones are named at once: an error in `up`, a warning in a preview (their values are then unknown).
    """
    try:
        values = resolve_keys(stack.plan, stack.contract, _Variables())
    except InputError as error:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(f"\n{error}") from None
        pulumi.warn(str(error))
        return {key.secret_key: _unknown() for key in stack.plan.keys}
    return {name: pulumi.Output.secret(value) for name, value in values.items()}


class _Variables(Mapping[str, str]):
    """Process variables in front of Pulumi's configuration (`pulumi config set --secret kindo-models:NAME`)."""

    def __init__(self) -> None:
        self._config = pulumi.Config("kindo-models")

    def __getitem__(self, name: str) -> str:
        value = os.environ.get(name) or self._config.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _unknown() -> pulumi.Output[str]:
    async def value() -> str:
        # What the SDK itself puts in place of a value that a preview cannot know.
        return UNKNOWN

    async def no() -> bool:
        return False

    async def yes() -> bool:
        return True

    return pulumi.Output(set(), value(), no(), yes())
