"""The model contract: the `models:` list of Kindo's install-contract.yaml, plus one optional block `deploy:` per entry.

`load_contract(path)` reads and checks a file; `Contract` and `ModelEntry` are what the rest of the package works on.
"""

from kindo_models.contract.load import load_contract, parse_contract
from kindo_models.contract.model import Contract, Deploy, Gpu, ModelEntry

__all__ = ["Contract", "Deploy", "Gpu", "ModelEntry", "load_contract", "parse_contract"]
