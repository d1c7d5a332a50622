"""A Helm Release of one of our charts, with timeouts from a start-up budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models import charts

# Helm renders, applies and cleans up beside the pods' own start.
_MARGIN_SECONDS = 120


def chart_release(
    name: str,
    *,
    chart: str,
    release: str,
    namespace: pulumi.Input[str],
    values: Mapping[str, Any],
    startup_seconds: int,
    wait: bool,
    opts: pulumi.ResourceOptions,
) -> kubernetes.helm.v3.Release:
    """Release `release` of our chart `chart`. `wait`: until its pods are ready, for at most the start-up budget."""
    budget = startup_seconds + _MARGIN_SECONDS
    timeout = f"{budget}s"
    return kubernetes.helm.v3.Release(
        f"{name}-release",
        name=release,
        chart=charts.reference(chart, _project()),
        namespace=namespace,
        values=values,
        skip_await=not wait,
        timeout=budget,
        # The history of a release lies in Secrets of the namespace; ten revisions of it help nobody.
        max_history=3,
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(timeout, timeout, timeout))
        ),
    )


def _project() -> Path:
    """Folder of Pulumi.yaml, where the provider runs; without an engine (tests) the SDK has no such folder."""
    folder = Path(pulumi.runtime.get_root_directory())
    return folder if folder.is_absolute() else Path.cwd()
