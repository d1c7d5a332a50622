"""Nodes that are there already: instance types of the catalog, or any machine whose GPUs are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kindo_models.catalog.gpus import UnknownGpu, find_gpu
from kindo_models.catalog.instances import Cloud, Instance, find_instance
from kindo_models.catalog.price_file import instance_problem
from kindo_models.environment.packing import ExistingNodes, Packing
from kindo_models.findings import Finding
from kindo_models.planning.packing.problem import Supply
from kindo_models.planning.quantities import mebibytes, millicores

PLENTY = 10**9
"""CPU and memory of a machine of which only the GPUs are known."""


def existing_nodes(packing: Packing, cloud: Cloud | None) -> tuple[tuple[Supply, ...], tuple[Finding, ...]]:
    """Supplies and what is wrong with the settings. cloud: whose instance types they may be; None: any cloud's."""
    supplies: dict[Supply, int] = {}
    found: list[Finding] = []
    for index, node in enumerate(packing.existing):
        wrong = list(_wrong(node, f"packing.existing[{index}]", cloud))
        found += wrong
        if not wrong:
            # Equal entries are more of the same nodes.
            kind = _supply(node, packing)
            supplies[kind] = supplies.get(kind, 0) + node.nodes
    return tuple(replace(kind, most=count) for kind, count in supplies.items()), tuple(found)


def free_cpu(packing: Packing, vcpu: int) -> int:
    """Thousandths of a CPU that servers can have of a node."""
    return vcpu * 1000 - millicores(packing.node_reserve.cpu)


def free_memory(packing: Packing, gib: float) -> int:
    """MiB that servers can have of a node."""
    return int(gib * 1024) - mebibytes(packing.node_reserve.memory)


def _wrong(node: ExistingNodes, field: str, cloud: Cloud | None) -> Iterator[Finding]:
    known = find_instance(node.instance)
    where = cloud or (known.cloud if known else None)
    if node.gpu:
        try:
            find_gpu(node.gpu)
        except UnknownGpu as error:
            yield Finding(code="gpu-unknown", field=f"{field}.gpu", message=str(error))
    elif where is None:
        yield Finding(
            code="instance-unknown",
            field=f"{field}.instance",
            message=f"{node.instance!r} is no instance type of the catalog",
            hint="give its `gpu` and `gpus`",
        )
    elif problem := instance_problem(node.instance, where):
        code, message, hint = problem
        yield Finding(
            code=code, field=f"{field}.instance", message=message, hint=f"{hint}; or give its `gpu` and `gpus`"
        )
    there = node.gpus or (known.gpus if known else None)
    if there is not None and node.free_gpus is not None and node.free_gpus > there:
        yield Finding(
            code="more-gpus-than-there-are",
            field=f"{field}.freeGpus",
            message=f"{node.free_gpus} GPUs of {node.instance} are free, it has {there}",
            hint=f"0 to {there}",
        )


def _supply(node: ExistingNodes, packing: Packing) -> Supply:
    known: Instance | None = None if node.gpu else find_instance(node.instance)
    gpu = find_gpu(node.gpu).name if node.gpu else known.gpu if known else ""
    gpus = node.gpus or (known.gpus if known else None) or 0
    return Supply(
        instance=known.name if known else node.instance,
        capacity="on-demand",
        gpu=gpu,
        gpus=gpus if node.free_gpus is None else node.free_gpus,
        cpu=free_cpu(packing, known.vcpu) if known and known.vcpu else PLENTY,
        memory=free_memory(packing, known.memory_gib) if known and known.memory_gib else PLENTY,
        vcpu=(known.vcpu or 0) if known else 0,
        usd_per_hour=0.0,
        zones=(node.zone,) if node.zone else (),
        existing=True,
        gpus_of_node=gpus,
        price=known.usd_per_hour if known else None,
        region=known.region if known else "",
        price_date=known.price_date if known else "",
        price_source="catalog" if known and known.usd_per_hour else "",
    )
