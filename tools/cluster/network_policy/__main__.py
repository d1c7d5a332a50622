"""Process: ``python -m tools.cluster.network_policy NAME INDEX``, inside the instance's network namespace."""

from __future__ import annotations

import asyncio
import sys

from tools.cluster.network_policy.enforcer import Enforcer
from tools.paths import Instance

asyncio.run(Enforcer(Instance(sys.argv[1], int(sys.argv[2]))).run())
