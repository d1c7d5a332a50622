"""What can be reached from here: the cluster's API, the clouds' APIs, the registration targets. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kindo_models.commands.doctor.check import Check
from kindo_models.environment import Environment

_SECONDS = 5.0


def reach_checks(environment: Environment | None, variables: Mapping[str, str]) -> list[Check]:
    """All at once; each waits at most five seconds."""
    probes: list[Callable[[], Check]] = [lambda: cluster_check(environment, variables)]
    for name, url in addresses(environment):
        probes.append(lambda name=name, url=url: address_check(name, url))  # type: ignore[misc]
    with ThreadPoolExecutor(max_workers=len(probes)) as pool:
        return list(pool.map(lambda probe: probe(), probes))


def addresses(environment: Environment | None) -> list[tuple[str, str]]:
    """Name and URL of everything that the stack's registration and cloud need."""
    if environment is None:
        return []
    found = []
    if environment.part != "platform":
        if environment.registration.kindo:
            found.append(("Kindo admin API", environment.registration.kindo.url))
        if environment.flags:
            found.append(("Unleash", environment.flags.unleash.url))
    region = environment.cloud.region
    if environment.cluster.kind == "eks":
        found.append(("AWS", f"https://sts.{region}.amazonaws.com"))
    if environment.cluster.kind == "aks":
        found.append(("Azure", "https://management.azure.com"))
    return found


def address_check(name: str, url: str) -> Check:
    """Any answer counts, a refusal too: what is asked is whether there is a way."""
    import httpx

    try:
        answer = httpx.get(url, timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        return Check("reach", name, "error", f"{url}: {reason}", "check the address, DNS, the firewall and HTTPS_PROXY")
    return Check("reach", name, "ok", f"{url} answers (HTTP {answer.status_code})")


def cluster_check(environment: Environment | None, variables: Mapping[str, str]) -> Check:
    cluster = environment.cluster if environment else None
    if cluster and cluster.stack and not cluster.kubeconfig:
        return Check(
            "reach", "cluster", "ok", f"its kubeconfig is an output of the stack {cluster.stack}: not asked here"
        )
    kubeconfig = (cluster.kubeconfig if cluster else None) or variables.get("KUBECONFIG") or None
    fix = "set KUBECONFIG, or `cluster: {kubeconfig: …, context: …}` of the environment"
    try:
        version, server = _kubernetes(kubeconfig, cluster.context if cluster else None)
    except Exception as error:  # every client library's own; said, not raised
        return Check("reach", "cluster", "error", _plain(error), fix)
    return Check("reach", "cluster", "ok", f"Kubernetes {version} at {server}")


def _kubernetes(kubeconfig: str | None, context: str | None) -> tuple[str, str]:
    from kubernetes import client, config

    api: Any = config.new_client_from_config(  # type: ignore[no-untyped-call]
        config_file=kubeconfig, context=context
    )
    api.configuration.retries = False
    code = client.VersionApi(api).get_code(_request_timeout=_SECONDS)
    return str(code.git_version), str(api.configuration.host)


def _plain(error: Exception) -> str:
    """One line, without the client's memory addresses."""
    status = getattr(error, "status", None)
    if status:
        return f"the API server answers {status} {getattr(error, 'reason', '')}".strip()
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split()).rpartition(">: ")[2][:300] or type(error).__name__
