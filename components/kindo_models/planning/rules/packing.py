"""Codes of fit and packing: made by `planning.packing` and the price file, registered here to be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kindo_models.planning.rules.registry import made_elsewhere

if TYPE_CHECKING:
    from kindo_models.findings import Severity

_PACKING = "the packing"

# code, level, what, why, fix
_CODES: tuple[tuple[str, Severity, str, str, str], ...] = (
    (
        "model-not-placeable",
        "error",
        "Nothing that can be had holds this model.",
        "Each GPU type is ruled out, for the reason that is named.",
        "Take one of the alternatives that are named, with their price.",
    ),
    (
        "gpu-computes-not",
        "error",
        "The GPU type that is named cannot compute in the model's weight format.",
        "The weights would be stored so and computed otherwise, without the speed (FP8 on Ampere).",
        "Another GPU type, or other weights.",
    ),
    (
        "limit-too-low",
        "error",
        "No placement keeps the quotas.",
        "The cheapest placement without them is named, and what it needs.",
        "A higher quota, fewer replicas or smaller models.",
    ),
    (
        "placement-impossible",
        "error",
        "The nodes that are there do not hold all models.",
        "A cluster of kind `existing` buys no nodes.",
        "More nodes in `packing.existing`, fewer replicas, or a cluster of kind `eks` or `aks`.",
    ),
    (
        "placement-not-found",
        "error",
        "No placement was found in time.",
        "The solver has a time limit.",
        "A longer `packing.timeLimitSeconds`, or fewer limits.",
    ),
    (
        "placement-not-proven",
        "warning",
        "The placement may not be the cheapest.",
        "The solver's time was up; the gap that is left is named.",
        "A longer `packing.timeLimitSeconds` proves more.",
    ),
    (
        "models-move",
        "warning",
        "Models move to other nodes than in the placement before.",
        "A cheaper placement is beyond `packing.tolerance` of the present one.",
        "A larger `packing.tolerance` lets them stay at a higher price.",
    ),
    (
        "placement-outdated",
        "warning",
        "The placement file was made for other inputs.",
        "Contract, environment, catalog or prices have changed since.",
        "`kindo-models plan --write` writes what is planned now.",
    ),
    (
        "placement-edited",
        "error",
        "The placement file was edited by hand.",
        "It is not what was written, so it says nothing about what is planned.",
        "Take it back from version control, or write it anew with `kindo-models plan --write`.",
    ),
    (
        "placement-unreadable",
        "error",
        "The placement file cannot be read.",
        "It is no JSON of this form.",
        "Take it back from version control, or remove it and write it anew.",
    ),
    (
        "no-node-to-buy",
        "error",
        "Nothing that the cloud sells may be bought.",
        "`nodePools` or the region rule everything out.",
        "Allow one of the instance types that are named.",
    ),
    (
        "instance-unknown",
        "error",
        "No instance type of this name is in the catalog.",
        "Its GPUs, CPU, memory and price are not known.",
        "The nearest name, or for existing nodes `gpu` and `gpus`.",
    ),
    (
        "instance-without-whole-gpu",
        "error",
        "The instance type has no whole GPU.",
        "It has none, or a slice of one, which vLLM cannot be planned on.",
        "One of the instance types that are named.",
    ),
    (
        "instance-not-available",
        "error",
        "The instance type cannot be had here.",
        "It is not sold in this region, or its facts are not known.",
        "The nearest that can be had is named, with its price.",
    ),
    (
        "gpu-unknown",
        "error",
        "No GPU type of this name is known.",
        "Its memory and capabilities are not known.",
        "One of the names that are listed.",
    ),
    (
        "more-gpus-than-there-are",
        "error",
        "More GPUs are said to be free than the machine has.",
        "The placement would not hold.",
        "A number within the range that is named.",
    ),
    (
        "dedicated-unknown-model",
        "error",
        "`packing.dedicated` names a model that is not placed.",
        "The setting would have no effect.",
        "Correct the name, or remove it.",
    ),
    (
        "capacity-without-price",
        "warning",
        "A way of buying has no known price, so it is not planned.",
        "Spot and reserved prices are no facts of the catalog.",
        "List them in a price file (`packing.prices`).",
    ),
    (
        "unknown-region",
        "error",
        "The region is not written as this cloud writes regions.",
        "Nothing would be found in it.",
        "Write it as the cloud does.",
    ),
    (
        "prices-of-another-region",
        "error",
        "The price file is of another cloud or region than the cluster.",
        "Its prices do not hold there.",
        "Name the price file of that region, or set `cloud.region`.",
    ),
    ("no-prices", "error", "The file is no price file.", "It lacks its head or its offers.", "See docs/packing.md."),
    (
        "duplicate-price",
        "error",
        "The price file lists an offer twice.",
        "It is not clear which price holds.",
        "Keep one of them.",
    ),
)

for _code, _level, _what, _why, _fix in _CODES:
    made_elsewhere(_PACKING, _code, _what, _why, _fix, severity=_level)
