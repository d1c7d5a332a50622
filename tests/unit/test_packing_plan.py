"""Placement as part of the plan: contracts and environments in, nodes, files and findings out."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindo_models.catalog.price_file import PriceFile
from kindo_models.contract import Contract, load_contract, parse_contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import Plan, plan
from kindo_models.planning.packing import saved
from kindo_models.planning.packing.placement import Placement
from tests.support.packing import entry, on_h100
from tests.support.soak import soak_cases


def contract(*entries: dict[str, Any]) -> Contract:
    return parse_contract(yaml.safe_dump({"models": list(entries)}))


def environment(kind: str = "eks", **parts: Any) -> Environment:
    return Environment.model_validate({"cluster": {"kind": kind}, **parts})


def planned(*entries: dict[str, Any], **parts: Any) -> Plan:
    return plan(contract(*entries), environment(**parts))


def placed(*entries: dict[str, Any], **parts: Any) -> Placement:
    made = planned(*entries, **parts)
    assert made.placement is not None, made.findings
    return made.placement


def found(made: Plan, code: str) -> Finding:
    (one,) = [one for one in made.findings if one.code == code]
    return one


def written(made: Plan) -> saved.Saved:
    assert made.placement is not None
    return saved.read(saved.write(made.placement), file="x.placement.json")


def nodes_of(placement: Placement) -> dict[str, Counter[str]]:
    """Model → node → replicas."""
    return {one.model: Counter(one.nodes) for one in placement.models}


# What is planned


def test_models_on_h100_share_one_p5_and_what_is_idle_is_said_with_its_price() -> None:
    made = planned(on_h100("nemotron", 4), on_h100("deephat", 2))
    assert made.placement is not None
    (node,) = made.placement.nodes
    assert (node.instance, node.idle, round(node.idle_usd_per_hour, 2)) == ("p5.48xlarge", (6, 7), 13.76)
    assert {one.model: one.gpus for one in node.holds} == {"nemotron": (0, 1, 2, 3), "deephat": (4, 5)}
    said = found(made, "gpus-idle")
    assert said.severity == "warning"
    assert "2 of 8 H100 of p5.48xlarge-1 are idle ($13.76 of $55.04 per hour)" in said.message


def test_gpus_that_an_entry_names_and_leave_a_node_idle_are_told_what_would_be_cheaper() -> None:
    one = found(planned(entry("m", "Qwen/Qwen3-32B", gpu={"type": "H100", "count": 2})), "cheaper-shape")
    assert one.severity == "warning"
    assert "other GPUs would cost $8.29/h instead of $55.04/h" in one.message
    assert "m 2× RTX-PRO-6000 on g7e.12xlarge (2× RTX-PRO-6000, $8.29/h)" in one.message
    whole = planned(entry("m", gpu={"type": "H100", "count": 1}))
    assert "cheaper-shape" not in {finding.code for finding in whole.findings}


def test_the_documents_models_are_placed_on_both_clouds(repository: Path) -> None:
    models = load_contract(repository / "stacks" / "local.contract.yaml")
    made = plan(models, environment())
    assert errors(made.findings) == ()
    assert made.placement is not None
    assert {one.model: (one.gpu, one.gpus) for one in made.placement.models} == {
        "bge-m3": ("L4", 1),
        "deephat-v2": ("H100", 2),
        "nemotron": ("H100", 4),
        "qwen3-coder-30b": ("H100", 2),
        "whisper-large-v3": ("L4", 1),
    }
    assert made.placement.instances == {"g6.4xlarge": 2, "p5.48xlarge": 1}
    azure = plan(models, environment("aks"))
    assert {one.model for one in errors(azure.findings)} == {"bge-m3", "whisper-large-v3"}
    assert "L4 is wanted" in str(errors(azure.findings)[0])
    assert "nearest that would do: 1× T4" in errors(azure.findings)[0].hint


def test_servers_get_the_gpus_that_they_are_placed_on() -> None:
    made = planned(entry("m", "Qwen/Qwen3-32B", context=32768), sizing="model")
    (server,) = made.servers
    assert made.placement is not None
    (model,) = made.placement.models
    assert server.sizing is not None
    assert (server.sizing.gpu, server.sizing.gpus, server.gpus) == (model.gpu, model.gpus, model.gpus)
    assert f"placed on {model.gpus}× {model.gpu}" in server.sizing.reasons
    arguments = server.values["args"]
    for flag, count in (
        ("--tensor-parallel-size", model.tensor_parallel),
        ("--pipeline-parallel-size", model.pipeline_parallel),
    ):
        assert (flag in arguments) == (count > 1)
        assert count == 1 or arguments[arguments.index(flag) + 1] == str(count)


def test_the_models_shares_of_the_price_are_the_price() -> None:
    placement = placed(on_h100("a", 4), on_h100("b", 2), entry("c", replicas=2))
    assert placement.share("a") == pytest.approx(2 * placement.share("b"))
    assert sum(placement.share(name) for name in "abc") == pytest.approx(placement.usd_per_hour)
    assert placement.instances_for("a") == ("p5.48xlarge",)


def test_gpus_beyond_the_engines_are_placed_too() -> None:
    made = planned(entry("m", gpu={"type": "H100", "count": 4, "tensorParallel": 2}))
    assert made.placement is not None
    (model,) = made.placement.models
    assert (model.gpus, model.tensor_parallel, made.gpus) == (4, 2, 4)
    assert len(made.placement.nodes[0].holds[0].gpus) == 4


def test_an_existing_cluster_without_named_nodes_has_no_placement() -> None:
    made = plan(contract(on_h100("m", 2)), Environment())
    assert made.placement is None


def test_existing_nodes_of_any_make_are_used_and_cost_nothing_more() -> None:
    packing = {"existing": [{"instance": "dgx", "gpu": "H100", "gpus": 8, "nodes": 2, "freeGpus": 6, "zone": "rack-1"}]}
    placement = placed(on_h100("a", 4, replicas=2), on_h100("b", 2), kind="existing", packing=packing)
    assert placement.usd_per_hour == 0
    assert [(one.name, one.zone, one.existing) for one in placement.nodes] == [
        ("dgx-1", "rack-1", True),
        ("dgx-2", "rack-1", True),
    ]
    full = planned(on_h100("a", 4, replicas=3), kind="existing", packing=packing)
    assert found(full, "placement-impossible").severity == "error"


def test_equal_entries_of_existing_nodes_are_more_of_them() -> None:
    one = {"instance": "p5.48xlarge", "zone": "us-east-1a"}
    placement = placed(on_h100("a", 8, replicas=2), kind="existing", packing={"existing": [one, one]})
    assert [node.name for node in placement.nodes] == ["p5.48xlarge-1", "p5.48xlarge-2"]


@pytest.mark.parametrize(
    ("node", "code", "hint"),
    [
        ({"instance": "p5.48xlage"}, "instance-unknown", "p5.48xlarge (8× H100, $55.04/h)"),
        ({"instance": "Standard_NC24ads_A100_v4"}, "instance-unknown", "give its `gpu` and `gpus`"),
        ({"instance": "dgx", "gpu": "H1000", "gpus": 8}, "gpu-unknown", ""),
        ({"instance": "p5.48xlarge", "freeGpus": 9}, "more-gpus-than-there-are", "0 to 8"),
    ],
)
def test_existing_nodes_that_cannot_be_are_errors(node: dict[str, Any], code: str, hint: str) -> None:
    one = found(planned(on_h100("a", 1), packing={"existing": [node]}), code)
    assert one.severity == "error"
    assert hint in one.hint
    assert (one.field or "").startswith("packing.existing[0].")


def test_replicas_whose_node_is_gone_count_as_moved() -> None:
    before = planned(on_h100("a", 8, replicas=2))
    gone = price_file(notSold=["p5.48xlarge"])
    other = {"type": "H100", "count": 1}
    now = plan(contract(entry("a", gpu=other, replicas=2)), environment(), prices=gone, previous=written(before))
    assert now.placement is not None
    assert (now.placement.moves, now.placement.moved) == (2, ("a",))
    assert "2 replicas move to other nodes: a" in found(now, "models-move").message


def test_replicas_go_to_different_nodes_and_zones() -> None:
    placement = placed(on_h100("a", 1, replicas=2), on_h100("b", 1, replicas=2), cloud={"zones": ["z1", "z2"]})
    for nodes in nodes_of(placement).values():
        assert len(nodes) == 2
    zones = {one.name: one.zone for one in placement.nodes}
    for model in placement.models:
        assert {zones[name] for name in model.nodes} == {"z1", "z2"}


def test_a_model_with_nodes_of_its_own_shares_none() -> None:
    entries = (on_h100("a", 4), on_h100("b", 2))
    assert len(placed(*entries).nodes) == 1
    apart = placed(*entries, packing={"dedicated": ["b"]})
    assert [len(one.holds) for one in apart.nodes] == [1, 1]
    assert found(planned(*entries, packing={"dedicated": ["c"]}), "dedicated-unknown-model").severity == "error"


def test_gpus_without_nvlink_take_two_pipeline_stages_where_the_entry_leaves_it_open() -> None:
    only = {"gpuTypes": ["L40S"]}
    free = placed(entry("m", "Qwen/Qwen3-32B", context=8192), sizing="model", nodePools=only).models[0]
    assert (free.gpus, free.tensor_parallel, free.pipeline_parallel) == (2, 1, 2)
    named = {"type": "L40S", "count": 2}
    given = placed(entry("m", "Qwen/Qwen3-32B", context=8192, gpu=named), nodePools=only).models[0]
    assert (given.tensor_parallel, given.pipeline_parallel) == (2, 1)


def test_spot_is_bought_only_at_a_price_of_the_users() -> None:
    offers = [{"instance": "p5.48xlarge", "capacity": "spot", "usdPerHour": 20, "zones": ["us-east-1b"]}]
    prices = price_file(offers=offers)
    both = environment(nodePools={"capacity": ["spot", "on-demand"]}, cloud={"zones": ["us-east-1a", "us-east-1b"]})
    made = plan(contract(on_h100("a", 4)), both, prices=prices)
    assert made.placement is not None
    (node,) = made.placement.nodes
    assert (node.capacity, node.zone, node.usd_per_hour, node.price_source) == ("spot", "us-east-1b", 20, "my list")
    unpriced = plan(contract(on_h100("a", 4)), both)
    assert unpriced.placement is not None
    assert unpriced.placement.nodes[0].capacity == "on-demand"
    assert "no price of spot nodes is known" in found(unpriced, "capacity-without-price").message


def test_reserved_nodes_are_used_up_and_then_others_bought() -> None:
    offer = {"instance": "p5.48xlarge", "capacity": "reserved", "usdPerHour": 0, "nodes": 1, "reservation": "cr-1"}
    chosen = environment(nodePools={"capacity": ["reserved", "on-demand"]})
    made = plan(contract(on_h100("a", 8, replicas=2)), chosen, prices=price_file(offers=[offer]))
    assert made.placement is not None
    assert sorted((one.capacity, one.reservation, one.usd_per_hour) for one in made.placement.nodes) == [
        ("on-demand", "", 55.04),
        ("reserved", "cr-1", 0),
    ]


def price_file(**parts: Any) -> PriceFile:
    head = {"source": "my list", "date": "2026-11-01"}
    return PriceFile.model_validate({"head": head, "cloud": "eks", "region": "us-east-1", "offers": [], **parts})


# What holds for every plan


def test_permuting_the_contract_changes_no_placement() -> None:
    entries = [on_h100("c", 2), entry("a"), on_h100("b", 4), entry("d", "Qwen/Qwen3-32B"), on_h100("e", 1, replicas=3)]
    first = placed(*entries)
    for seed in range(3):
        random.Random(seed).shuffle(entries)
        assert placed(*entries) == first


def test_a_plan_with_a_placement_survives_json() -> None:
    made = planned(on_h100("a", 4), entry("b"))
    assert made.placement is not None
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_a_model_that_finds_free_gpus_moves_no_other() -> None:
    others = (on_h100("a", 4), entry("b", gpu={"type": "L4"}), on_h100("z", 1, replicas=2))
    before = planned(*others)
    now = plan(contract(on_h100("new", 2), *others), environment(), previous=written(before))
    assert before.placement is not None
    assert now.placement is not None
    assert now.placement.usd_per_hour == before.placement.usd_per_hour
    assert now.placement.moved == ()
    kept = nodes_of(now.placement)
    del kept["new"]
    assert kept == nodes_of(before.placement)


@pytest.mark.soak
@pytest.mark.parametrize("walk", soak_cases(full=10, sample=1))
def test_models_keep_their_nodes_over_random_edits(walk: int) -> None:
    """Ten edits a walk. Nothing moves where leaving everything in its place is dear by no more than the tolerance."""
    random_ = random.Random(walk)
    models = {f"m{n}": random_entry(random_, f"m{n}") for n in range(8)}
    made = plan(contract(*models.values()), environment())
    for step in range(10):
        if random_.random() < 0.5 and len(models) > 3:
            del models[random_.choice(sorted(models))]
        if random_.random() < 0.7:
            models[f"n{step}"] = random_entry(random_, f"n{step}")
        before, previous = made.placement, written(made)
        made = plan(contract(*models.values()), environment(), previous=previous)
        fresh = plan(contract(*models.values()), environment()).placement
        assert before is not None
        assert fresh is not None
        now = made.placement
        assert now is not None
        assert now.usd_per_hour <= fresh.usd_per_hour * 1.01 + 0.001
        assert now.moves == moves(before, now)
        if leaving(before, fresh, models) <= fresh.usd_per_hour * 1.01 - 0.001:
            assert now.moves == 0, (step, now.moved)


def moves(before: Placement, now: Placement) -> int:
    """Replicas that were somewhere and are on another node, or run on other GPUs."""
    was, are = nodes_of(before), nodes_of(now)
    moved = 0
    for name in was.keys() & are.keys():
        old, new = before.model(name), now.model(name)
        assert old is not None
        assert new is not None
        same = (old.gpu, old.gpus, old.tensor_parallel) == (new.gpu, new.gpus, new.tensor_parallel)
        moved += min(old.replicas, new.replicas) - (was[name] & are[name]).total() * same
    return moved


def leaving(before: Placement, fresh: Placement, models: dict[str, Any]) -> float:
    """Price of the nodes that still hold something, as they are, and a node for each replica of what is new."""
    staying = sum(one.usd_per_hour for one in before.nodes if any(held.model in models for held in one.holds))
    alone = sum(
        model.replicas * float(model.reason.partition("alone $")[2].partition("/h")[0].replace(",", ""))
        for model in fresh.models
        if before.model(model.model) is None
    )
    return staying + alone


def random_entry(random_: random.Random, name: str) -> dict[str, Any]:
    kind = random_.choice(("H100", "L40S", "A100-80GB", "L4"))
    return entry(name, gpu={"type": kind, "count": random_.choice((1, 2, 4))}, replicas=random_.choice((1, 1, 2)))


# The placement file


def test_a_written_placement_is_used_while_nothing_changed_and_no_solver_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = (on_h100("a", 4), entry("b"))
    before = planned(*entries)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the solver was called")

    monkeypatch.setattr("kindo_models.planning.packing.pack.search", never)
    again = plan(contract(*entries[::-1]), environment(), previous=written(before))
    assert again.placement == before.placement
    with pytest.raises(AssertionError, match="solver"):
        plan(contract(*entries), environment(packing={"tolerance": 0.02}), previous=written(before))


def test_a_placement_for_other_inputs_says_what_changed() -> None:
    before = written(planned(on_h100("a", 4), entry("b")))
    changed = plan(contract(on_h100("a", 2), entry("c")), environment(), previous=before)
    said = found(changed, "placement-outdated")
    assert said.severity == "warning"
    assert "model added: c; model removed: b; model changed: a" in said.message
    assert "a: 4× H100 (TP 4, PP 1) is not one of its options" in said.message
    dearer = price_file(offers=[{"instance": "p5.48xlarge", "usdPerHour": 60}])
    priced = plan(contract(on_h100("a", 4), entry("b")), environment(), prices=dearer, previous=before)
    assert "instance type changed: p5.48xlarge" in found(priced, "placement-outdated").message
    assert priced.placement is not None
    assert priced.placement.moved == ()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda p: p["nodes"][0]["holds"][0].update(gpus=[0, 1, 2, 9]), "GPU 9 of 8"),
        (lambda p: p["nodes"][0].update(instance="p5.4xlarge"), "p5.4xlarge"),
        (lambda p: p["nodes"][0].update(usd_per_hour=1.0), "at $1/h cannot be had"),
        (lambda p: p["models"].pop(), "is not placed"),
        (lambda p: p["nodes"].append(p["nodes"][0]), "2 nodes are called p5.48xlarge-1"),
        (lambda p: p["nodes"][0]["holds"].pop(), "0 replicas are on nodes, 1 are wanted"),
        (lambda p: p.update(usd_per_hour=3.0), "it says $3.00/h"),
        (lambda p: p["models"][0].update(reason="because"), "not what `plan --write` wrote"),
    ],
)
def test_a_file_edited_by_hand_is_an_error_that_says_what_it_breaks(edit: Any, said: str) -> None:
    entries = (on_h100("a", 4), on_h100("b", 4))
    before = planned(*entries)
    assert before.placement is not None
    document = json.loads(saved.write(before.placement))
    edit(document["placement"])
    previous = saved.read(json.dumps(document), file="x.placement.json")
    made = plan(contract(*entries), environment(), previous=previous)
    one = found(made, "placement-edited")
    assert one.severity == "error"
    assert said in one.message
    assert made.placement is not None
    assert made.placement.usd_per_hour == before.placement.usd_per_hour


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 1, "placement": {}, "seal": ""}'])
def test_what_is_no_placement_file_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="placement-unreadable"):
        saved.read(text, file="x.placement.json")


# Bad input: an error with what is nearest, and its price


def test_an_instance_type_that_the_region_does_not_sell_names_the_nearest_that_it_does() -> None:
    pools = {"instanceTypes": ["Standard_NC8ads_A10_v4"]}
    one = found(planned(entry("m"), kind="aks", cloud={"region": "eastus"}, nodePools=pools), "instance-not-available")
    assert (one.severity, one.field) == ("error", "nodePools.instanceTypes[0]")
    assert "eastus does not sell it" in one.message
    assert "Standard_NV36ads_A10_v5 (1× A10, $3.20/h)" in one.hint


def test_a_misspelt_instance_type_names_the_nearest_with_prices() -> None:
    one = found(planned(entry("m"), nodePools={"instanceTypes": ["p5.24xlarge"]}), "instance-unknown")
    assert "p5.48xlarge (8× H100, $55.04/h)" in one.hint


@pytest.mark.parametrize(
    ("kind", "name", "whole"),
    [
        ("aks", "Standard_NV12ads_A10_v5", "Standard_NC8ads_A10_v4 (1× A10, $1.10/h)"),
        ("eks", "g6f.xlarge", "g6.xlarge (1× L4, $0.80/h)"),
    ],
)
def test_a_slice_of_a_gpu_is_not_taken_for_a_gpu(kind: str, name: str, whole: str) -> None:
    one = found(planned(entry("m"), kind=kind, nodePools={"instanceTypes": [name]}), "instance-without-whole-gpu")
    assert "a slice" in one.message or "slice" in one.message
    assert whole in one.hint
    there = planned(entry("m"), kind=kind, packing={"existing": [{"instance": name}]})
    assert found(there, "instance-without-whole-gpu").field == "packing.existing[0].instance"


def test_more_gpus_than_the_quota_says_what_the_cheapest_placement_would_need_and_cost() -> None:
    quotas = [{"instances": ["p*"], "vcpu": 96}]
    made = planned(on_h100("m", 4), packing={"quotas": quotas})
    assert made.placement is None
    one = found(made, "limit-too-low")
    assert "p5.48xlarge for $55.04/h" in one.message
    assert "192 vcpu where 96 vcpu of p* leaves 96" in one.message


def test_more_gpus_than_any_node_has_is_an_error_with_what_there_is() -> None:
    one = found(planned(on_h100("m", 16)), "model-not-placeable")
    assert "one node has at most 8" in one.message
    assert "nearest that would do: 1× L4 on g6.4xlarge (1× L4, $1.32/h)" in one.hint


def test_fp8_compute_on_ampere_is_an_error_with_gpus_that_compute_it() -> None:
    made = planned(entry("m", gpu={"type": "A10G", "count": 1}, quantization="fp8"))
    one = found(made, "gpu-computes-not")
    assert one.severity == "error"
    assert "A10G (compute capability 8.6) computes no fp8" in one.message
    assert "1× L4 on g6.4xlarge (1× L4, $1.32/h)" in one.hint


def test_what_may_not_be_bought_is_said_once_with_what_could_be() -> None:
    made = planned(on_h100("a", 1), entry("b"), nodePools={"capacity": ["spot"]})
    assert [one.code for one in errors(made.findings)] == ["no-node-to-buy"]
    assert "g4dn.xlarge (1× T4, $0.53/h)" in found(made, "no-node-to-buy").hint
    assert [one.code for one in errors(planned(entry("b"), cloud={"region": "us-east1"}).findings)] == [
        "unknown-region"
    ]


def test_a_model_that_the_policy_keeps_out_is_told_the_nearest_that_the_cloud_sells() -> None:
    one = found(planned(on_h100("m", 2), nodePools={"gpuTypes": ["L4"]}), "model-not-placeable")
    assert "L4: H100 is wanted" in one.message
    assert "1× L4 on g6.4xlarge" in one.hint
    small = found(planned(entry("m", "Qwen/Qwen3-32B"), nodePools={"gpuTypes": ["T4"]}), "model-not-placeable")
    assert "2× RTX-PRO-6000 on g7e.12xlarge (2× RTX-PRO-6000, $8.29/h)" in small.hint


def test_idle_gpus_are_an_error_where_they_are_forbidden_and_no_other_way_is_found() -> None:
    made = planned(on_h100("m", 4), nodePools={"idleGpus": "forbid"})
    one = found(made, "gpus-idle")
    assert (one.severity, one.field) == ("error", "nodePools.idleGpus")
    assert "p5.48xlarge for $55.04/h" in one.message
    whole = placed(on_h100("m", 1), nodePools={"idleGpus": "forbid"})
    assert whole.instances == {"p5.4xlarge": 1}


def test_another_region_has_the_catalogs_prices_named_as_such_unless_a_file_tells_its_own() -> None:
    made = planned(on_h100("m", 1), cloud={"region": "eu-central-1"})
    assert "prices are of us-east-1 on 2026-07-20" in found(made, "price-of-another-region").message
    prices = price_file(region="eu-central-1", offers=[{"instance": "p5.4xlarge", "usdPerHour": 9}])
    own = plan(contract(on_h100("m", 1)), environment(cloud={"region": "eu-central-1"}), prices=prices)
    assert own.placement is not None
    assert (own.placement.usd_per_hour, own.placement.nodes[0].region) == (9, "eu-central-1")
    assert not [one for one in own.findings if one.code == "price-of-another-region"]
    unsold = plan(contract(on_h100("m", 8)), environment(cloud={"region": "eu-central-1"}), prices=prices)
    assert found(unsold, "model-not-placeable").severity == "error"
    wrong = plan(contract(on_h100("m", 1)), environment(), prices=prices)
    assert found(wrong, "prices-of-another-region").field == "packing.prices"


def test_nodes_with_too_old_a_driver_are_left_out() -> None:
    only = {"instanceTypes": ["g7.4xlarge"]}
    said = found(planned(entry("m"), nodePools=only), "instance-not-available").message
    assert "it needs driver 595, the nodes have 580" in said
    assert placed(entry("m"), nodePools=only, packing={"driver": 595}).instances == {"g7.4xlarge": 1}
    old = planned(entry("m"), packing={"driver": 570})
    assert "the image needs driver 580, the nodes have 570" in found(old, "model-not-placeable").message


def test_a_rocm_image_runs_on_amd_gpus_and_no_other_does() -> None:
    image = "docker.io/rocm/vllm:v0.33.0"
    cloud = {"region": "eastus2"}
    amd = placed(entry("m", image=image), kind="aks", cloud=cloud)
    assert {one.gpu for one in amd.models} == {"MI300X"}
    assert {one.gpu for one in placed(entry("m"), kind="aks", cloud=cloud).models} != {"MI300X"}


def test_arm_images_have_no_node_in_the_catalog() -> None:
    made = planned(entry("m"), packing={"imageArchitecture": "arm64"})
    assert "its CPU is amd64, the images are arm64" in found(made, "no-node-to-buy").message


def test_the_solver_is_loaded_only_when_something_is_solved() -> None:
    code = (
        "import sys\n"
        "from kindo_models.contract import parse_contract\n"
        "from kindo_models.environment import Environment\n"
        "from kindo_models.planning import plan\n"
        f"plan(parse_contract({yaml.safe_dump({'models': [on_h100('m', 1)]})!r}), Environment())\n"
        "print([name for name in sys.modules if name in ('highspy', 'numpy', 'pulumi')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
