"""The model contract: the `models:` list of Kindo's install-contract.yaml, plus one optional block `deploy:` per entry.

`load_contract(path)` reads and checks a file; `Contract` and `ModelEntry` are what the rest of the package works on.
"""

from kindo_models.contract.load import load_contract, parse_contract
from kindo_models.contract.model import Autoscaling, Contract, Deploy, Gpu, ModelEntry, Weights

__all__ = ["Autoscaling", "Contract", "Deploy", "Gpu", "ModelEntry", "Weights", "load_contract", "parse_contract"]
