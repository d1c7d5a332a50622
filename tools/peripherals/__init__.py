"""Servers beside the local cluster: PostgreSQL and Unleash (real), stand-ins of the cloud providers and of the Kindo
admin API. ``up``, ``seed`` (what an installed Kindo has), ``expose`` (Services in the cluster), ``status``, ``down``.
"""

from tools.peripherals.exposure import expose
from tools.peripherals.lifecycle import down, status, up
from tools.peripherals.seeding import seed

__all__ = ["down", "expose", "seed", "status", "up"]
