"""Instance types and prices as catalog data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kindo_models.catalog import instances as catalog
from kindo_models.catalog.gpus import gpus
from kindo_models.planning.shapes import Shape, cheapest, shapes, sold, usable

DATA = Path(catalog.__file__).parent / "data" / "instances"


def named(name: str) -> catalog.Instance:
    found = catalog.find_instance(name)
    assert found is not None
    return found


def test_every_instance_type_is_there_once() -> None:
    names = [one.name for one in catalog.instances()]
    assert len(names) == len(set(names)) == 152


@pytest.mark.parametrize("name", ["g6f.large", "gr6f.4xlarge", "Standard_NV6ads_A10_v5", "Standard_NV18ads_A10_v5"])
def test_a_slice_is_not_a_gpu(name: str) -> None:
    one = named(name)
    assert not one.placeable
    assert "slice" in (one.reason or "")
    assert one not in usable(one.cloud)


@pytest.mark.parametrize("name", ["Standard_NC128ds_xl_RTXPRO6000BSE_v6", "Standard_ND128isr_NDR_GB200_v6"])
def test_a_count_that_no_source_gives_is_blank_with_the_reason(name: str) -> None:
    assert named(name).gpus is None
    assert named(name).reason == catalog.NO_COUNT


def test_sources_that_conflict_leave_the_count_blank() -> None:
    assert "conflict" in (named("Standard_NC32ads_A10_v4").reason or "")


def test_a_price_that_no_source_gives_is_blank() -> None:
    blank = {one.name for one in catalog.placeable() if one.usd_per_hour is None}
    assert {"p5e.48xlarge", "a4-highgpu-8g", "a3-ultragpu-8g"} <= blank
    assert all(named(name).note for name in blank)


def test_prices_have_region_and_date() -> None:
    assert (named("p5.48xlarge").usd_per_hour, named("p5.48xlarge").region) == (55.04, "us-east-1")
    assert (named("Standard_ND96isr_H200_v5").region, named("Standard_ND96isr_H200_v5").price_date) == (
        "eastus2",
        "2026-06-18",
    )


def test_every_gpu_is_a_known_type_but_one_whose_memory_no_source_gives() -> None:
    assert {one.gpu for one in catalog.instances()} - set(gpus()) == {"T4G"}
    assert "T4G" not in {one.gpu for one in usable(None)}


def test_share_alike_facts_lie_in_files_of_their_own() -> None:
    shared = [file for file in DATA.iterdir() if "SpareCores" in yaml.safe_load(file.read_text())["head"]["source"]]
    assert {file.name for file in shared} == {"aks-sparecores.yaml", "gke-sparecores.yaml"}
    for file in DATA.iterdir():
        assert ("CC BY-SA 4.0" in yaml.safe_load(file.read_text())["head"]["licence"]) == (file in shared)


def test_ec2_sells_no_two_or_four_80_gb_gpus_and_azure_no_48_gb_gpus() -> None:
    assert sold(gpus()["H100"], "eks") == (1, 8)
    assert sold(gpus()["A100-80GB"], "eks") == (8,)
    assert [str(one) for one in shapes("eks") if one.gpu.nominal_gb == 80] == ["1× H100", "8× A100-80GB", "8× H100"]
    assert not [one for one in shapes("aks") if one.gpu.nominal_gb == 48]
    assert sold(gpus()["L40S"], "aks") == ()


def test_shapes_come_smallest_first_and_the_cheapest_machine_without_idle_gpus_holds_one() -> None:
    clouds: tuple[catalog.Cloud, ...] = ("eks", "aks", "gke")
    for cloud in clouds:
        sizes = [one.nominal_gb for one in shapes(cloud)]
        assert sizes == sorted(sizes)
    names = [one.gpu.name for one in shapes(None)]
    assert (names[0], names[-1], names.index("H200")) == ("L4", "B200", 12)  # the table's classes first
    found = cheapest(Shape(gpus()["L4"], 1), "eks")
    assert found is not None
    assert found.name == "g6.xlarge"
    shared = cheapest(Shape(gpus()["H100"], 4), "eks")
    assert shared is not None
    assert (shared.name, shared.gpus) == ("p5.48xlarge", 8)
    assert cheapest(Shape(gpus()["L40S"], 1), "aks") is None
