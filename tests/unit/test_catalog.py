from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parents[2] / "components" / "kindo_models" / "catalog" / "data"


@pytest.mark.parametrize("file", sorted(DATA.rglob("*.yaml")), ids=lambda file: str(file.relative_to(DATA)))
def test_every_data_file_names_source_date_and_licence(file: Path) -> None:
    head = yaml.safe_load(file.read_text())["head"]
    assert head["source"]
    assert head["licence"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(head["date"]))
