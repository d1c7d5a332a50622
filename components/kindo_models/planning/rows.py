"""The plan as one row per model, for tables: what is not decided or not known is empty."""

from __future__ import annotations

from dataclasses import dataclass

from kindo_models.planning.model import Plan, Server, ServerSizing


@dataclass(frozen=True)
class Row:
    """One model. Texts are for people; empty where the plan has no value."""

    model: str
    served_by: str
    """Engine of our server, else the provider."""
    gpus: str = ""
    instance: str = ""
    tensor_parallel: str = ""
    context_tokens: str = ""
    concurrency: str = ""
    price_per_hour: str = ""
    memory: str = ""
    """The memory model's verdict on these GPUs."""
    reasons: tuple[str, ...] = ()
    """How the server came to its GPUs."""


def rows(plan: Plan) -> tuple[Row, ...]:
    """In contract order."""
    servers = {server.model: server for server in plan.servers}
    return tuple(
        Row(
            model=registration.model,
            served_by=servers[registration.model].engine if registration.model in servers else registration.provider,
            gpus=_gpus(servers.get(registration.model)),
            instance=", ".join(plan.placement.instances_for(registration.model)) if plan.placement else "",
            tensor_parallel=_tensor_parallel(servers.get(registration.model)),
            context_tokens=_context(servers.get(registration.model), registration.fields.get("contextWindow")),
            concurrency=_concurrency(servers.get(registration.model)),
            price_per_hour=_price(plan, registration.model),
            memory=sizing.verdict if (sizing := _sizing(servers.get(registration.model))) else "",
            reasons=sizing.reasons if sizing else (),
        )
        for registration in plan.registrations
    )


def _sizing(server: Server | None) -> ServerSizing | None:
    return server.sizing if server else None


def _gpus(server: Server | None) -> str:
    """`2 × H100`, over all replicas."""
    if server is None or not server.gpus:
        return ""
    return f"{server.gpus} × {server.gpu_type}" if server.gpu_type else str(server.gpus)


def _tensor_parallel(server: Server | None) -> str:
    return str(server.tensor_parallel) if server and server.gpus else ""


def _concurrency(server: Server | None) -> str:
    """Requests of full length that the KV caches of all replicas hold at once."""
    held = server.sizing.max_concurrency if server and server.sizing else None
    return f"{held * server.values['replicas']:.1f}" if server and held is not None else ""


def _price(plan: Plan, model: str) -> str:
    """The model's part of its nodes' price, in USD per hour."""
    share = plan.placement.share(model) if plan.placement else 0
    return f"${share:,.2f}" if share else ""


def _context(server: Server | None, advertised: str | int | None) -> str:
    tokens = server.context_tokens if server else advertised
    return f"{tokens:,}" if isinstance(tokens, int) else ""
