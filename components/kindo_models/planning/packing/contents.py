"""What one node can hold: every set of replicas, by their needs, that fits in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from kindo_models.planning.packing.problem import Need, Supply

Contents = tuple[tuple[Need, int], ...]
"""(need, how many), each need once, none zero."""


def contents_of(supply: Supply, needs: Sequence[Need]) -> tuple[Contents, ...]:
    """All non-empty contents of one node. A model with nodes of its own is together with nothing else."""
    mine = [one for one in needs if one.gpu == supply.gpu]
    owners = sorted({one.owner for one in mine})
    return tuple(
        held
        for owner in owners
        for held in _fill(supply.gpus, supply.cpu, supply.memory, [one for one in mine if one.owner == owner])
        if held
    )


def _fill(gpus: int, cpu: int, memory: int, needs: Sequence[Need]) -> Iterator[Contents]:
    if not needs:
        yield ()
        return
    first, rest = needs[0], needs[1:]
    for count in range(gpus // first.gpus + 1):
        left = (gpus - count * first.gpus, cpu - count * first.cpu, memory - count * first.memory)
        if min(left) < 0:
            return
        for others in _fill(*left, rest):
            yield ((first, count), *others) if count else others


def how_many(supply: Supply, needs: Sequence[Need], most: int) -> int:
    """How many contents a node may have, counted up to a little beyond `most`."""
    mine = [one for one in needs if one.gpu == supply.gpu]
    found = 0
    for owner in {one.owner for one in mine}:
        owned = [one for one in mine if one.owner == owner]
        found += sum(1 for _ in islice(_fill(supply.gpus, supply.cpu, supply.memory, owned), most + 1))
    return found


def most_of(supply: Supply, one: Need) -> int:
    """How many of one need a node holds."""
    if one.gpu != supply.gpu:
        return 0
    room = [supply.gpus // one.gpus]
    room += [supply.cpu // one.cpu] if one.cpu else []
    room += [supply.memory // one.memory] if one.memory else []
    return max(0, min(room))


def gpus_in(contents: Contents) -> int:
    return sum(one.gpus * count for one, count in contents)
