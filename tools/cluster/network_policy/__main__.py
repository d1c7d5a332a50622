"""Process: ``python -m tools.cluster.network_policy INSTANCE``, inside the instance's network namespace."""

from __future__ import annotations

import asyncio
import sys

from tools.cluster.network_policy.enforcer import Enforcer
from tools.paths import INSTANCES

asyncio.run(Enforcer(INSTANCES[sys.argv[1]]).run())
