"""What a provider tells while it works, as lines of the `pulumi up` output.

A dynamic provider runs in a process of its own, and `pulumi.log` there knows no engine. The engine's address is the
process's first argument, though, so its log service can be called.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any


def tell(message: str) -> None:
    """One line of information; outside a provider process it goes nowhere."""
    engine = _engine()
    if engine is None:
        return
    import grpc
    from pulumi.runtime.proto import engine_pb2

    try:
        engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message), timeout=2)
    except grpc.RpcError:
        # Progress is a courtesy; the work goes on without it.
        pass


@cache
def _engine() -> Any:
    if not in_provider_process() or len(sys.argv) < 2 or not re.fullmatch(r"[\w.\-\[\]:]+:\d+", sys.argv[1]):
        return None
    import grpc
    from pulumi.runtime.proto import engine_pb2_grpc

    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1]))


def in_provider_process() -> bool:
    """Whether this is `python -m pulumi.dynamic`."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name == "pulumi.dynamic.__main__"
