"""A user's price file: what is wrong with it is said with line, value and the catalog's price."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindo_models.catalog.price_file import load_prices
from kindo_models.findings import Finding, InputError

HEAD = 'head: {source: my list, date: "2026-11-01"}\ncloud: eks\nregion: us-east-1\noffers:\n'


def refused(tmp_path: Path, text: str) -> tuple[Finding, ...]:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_prices(file)
    return caught.value.findings


def test_a_whole_price_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        HEAD
        + "  - {instance: p5.48xlarge, usdPerHour: 60}\n"
        + "  - {instance: p5.48xlarge, capacity: spot, usdPerHour: 20, zones: [us-east-1a]}\n"
        + "  - {instance: p5en.48xlarge, capacity: reserved, usdPerHour: 0, nodes: 2, reservation: cr-1}\n"
        + "notSold: [p4d.24xlarge]\n"
    )
    prices = load_prices(file)
    assert [(one.instance, one.capacity, one.usd_per_hour) for one in prices.offers] == [
        ("p5.48xlarge", "on-demand", 60),
        ("p5.48xlarge", "spot", 20),
        ("p5en.48xlarge", "reserved", 0),
    ]


@pytest.mark.parametrize(
    ("offer", "code", "said", "hint"),
    [
        ("{instance: p5.48xlarge, usdPerHour: -3}", "wrong-type", "(found -3)", "$55.04/h on-demand in us-east-1"),
        ("{instance: p5.48xlarge}", "missing-key", "usdPerHour", "$55.04/h on-demand in us-east-1"),
        ("{instance: p5.48xlarge, usdPerHour: 0}", "invalid-value", "on-demand nodes are not free", ""),
        ("{instance: p5.48xlarge, usdPerHour: .nan}", "wrong-type", "usdPerHour", "$55.04/h"),
        (
            "{instance: p5.24xlarge, usdPerHour: 3}",
            "instance-unknown",
            "p5.24xlarge",
            "p5.48xlarge (8× H100, $55.04/h)",
        ),
        ("{instance: g6f.large, usdPerHour: 3}", "instance-without-whole-gpu", "slice", "g6.xlarge (1× L4, $0.80/h)"),
        (
            "{instance: p5.48xlarge, capacity: spot, usdPerHour: 3, reservation: cb-1}",
            "invalid-value",
            "spot and a capacity reservation or capacity block exclude each other",
            "",
        ),
        ("{instance: p5.48xlarge, capacity: reserved, usdPerHour: 3}", "invalid-value", "how many nodes it has", ""),
        ("{instance: p5.48xlarge, capacity: spott, usdPerHour: 3}", "not-allowed", "spott", "did you mean 'spot'?"),
    ],
)
def test_an_offer_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, offer: str, code: str, said: str, hint: str
) -> None:
    (one,) = refused(tmp_path, f"{HEAD}  - {{instance: g6.xlarge, usdPerHour: 1}}\n  - {offer}\n")
    assert (one.code, one.line) == (code, 6)
    assert said in one.message
    assert hint in one.hint


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    found = refused(
        tmp_path,
        HEAD.replace("us-east-1", "eastus")
        + "  - {instance: g6.xlarge, usdPerHour: 1}\n  - {instance: g6.xlarge, usdPerHour: 2}\n"
        + "notSold: [p55.48xlarge]\n",
    )
    assert [one.code for one in found] == ["unknown-region", "duplicate-price", "instance-unknown"]


@pytest.mark.parametrize("text", ["", "- a\n", "prices: {p5.48xlarge: 3}\n"])
def test_what_is_no_price_file_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text)
