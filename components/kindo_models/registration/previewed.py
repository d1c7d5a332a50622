"""What a preview can know of a registered model whose update it only announces.

A preview does not run a dynamic provider's update, so the outputs of a model whose display name changes are unknown,
and every flag that holds its id would be shown as changed too. The Pulumi id of a registered model is the admin API's
own id and is known, so it stands in for the output there. In `up` the output is always known, and counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pulumi
from pulumi.resource import Resource

T = TypeVar("T")


def model_id(row: pulumi.CustomResource, output: pulumi.Output[str | None], name: str) -> pulumi.Output[str | None]:
    """`output`, in a preview else the Pulumi id. A model that was withheld when it was created has its name as id."""
    return _else(output, row.id, lambda id_: (id_ != name, id_))


def registered(row: pulumi.CustomResource, output: pulumi.Output[bool], name: str) -> pulumi.Output[bool]:
    """`output`, in a preview else whether the Pulumi id is that of a registered model."""
    return _else(output, row.id, lambda id_: (id_ != name, True))


def _else(
    wanted: pulumi.Output[T], id_: pulumi.Output[str], stand_in: Callable[[str], tuple[bool, T]]
) -> pulumi.Output[T]:
    """`wanted` where it is known, else what `stand_in` makes of a known id: (whether it can, value)."""

    async def substitute() -> tuple[bool, T | None]:
        if await wanted.is_known() or not await id_.is_known():
            return False, None
        return stand_in(await _value(id_))

    async def value() -> T:
        can, found = await substitute()
        return found if can else await _value(wanted)  # type: ignore[return-value]

    async def known() -> bool:
        return await wanted.is_known() or (await substitute())[0]

    async def resources() -> set[Resource]:
        return await wanted.resources() | await id_.resources()

    return pulumi.Output(resources(), value(), known(), wanted.is_secret())


def _value(output: pulumi.Output[Any]) -> Awaitable[Any]:
    return output.future(with_unknowns=True)
