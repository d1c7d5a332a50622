"""The local cluster: a real control plane and a real node on this machine, in a network namespace of their own.

``up`` (10 s or so with everything built), ``down``, ``status``, ``set_gpus``, ``clean``; forwarders in ``forward``.
"""

from tools.cluster.gpus import set_gpus
from tools.cluster.lifecycle import ComponentState, clean, down, status, up

__all__ = ["ComponentState", "clean", "down", "set_gpus", "status", "up"]
