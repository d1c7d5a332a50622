"""The models that want GPUs, as the packing sees them: options, replicas, requests; and why one cannot be placed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from kindo_models.catalog.gpus import UnknownGpu, find_gpu, gpus
from kindo_models.catalog.node_drivers import node_drivers
from kindo_models.contract.model import Deploy, ModelEntry
from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.fit import Fit, computes_no, fit
from kindo_models.planning.packing.contents import most_of
from kindo_models.planning.packing.market import Market, str_of
from kindo_models.planning.packing.problem import Demand, Option, Supply, need
from kindo_models.planning.quantities import mebibytes, millicores
from kindo_models.planning.server_sizing import Sized
from kindo_models.planning.serving import gpu_count
from kindo_models.planning.sizing import Unsizable, Wish, decide

NO_ROOM = "no node with it has the CPU and memory that the server asks for"


@dataclass(frozen=True)
class Wanted:
    """One `deploy:` entry that is to be placed. sized: None where the sizing says nothing about it."""

    entry: ModelEntry
    deploy: Deploy
    sized: Sized | None

    @property
    def model(self) -> str:
        return self.entry.litellm_model_name

    @property
    def field(self) -> str:
        return f"models[{self.model}].deploy.gpu"


def wanted(entries: Mapping[str, tuple[ModelEntry, Deploy, object]]) -> Iterator[Wanted]:
    """Entries with GPUs and replicas; one that has neither a sizing nor a count has its own finding already."""
    for entry, deploy, sized in entries.values():
        if deploy.fixed_replicas and (isinstance(sized, Sized) or gpu_count(deploy)):
            yield Wanted(entry, deploy, sized if isinstance(sized, Sized) else None)


@dataclass(frozen=True)
class Asked:
    """demands: what can be placed; ruled_out: of each, GPU type → why it is none of its options; findings: about what
    cannot be placed, and what the user's GPUs cannot compute."""

    demands: tuple[Demand, ...]
    ruled_out: Mapping[str, Mapping[str, str]]
    findings: tuple[Finding, ...]


class Elsewhere(NamedTuple):
    """A node for one replica: its price per hour, and "2× H100 on p5.48xlarge (8× H100, $55.04/h)"."""

    usd_per_hour: float
    text: str


def demands(models: tuple[Wanted, ...], there: Market, environment: Environment) -> Asked:
    made: list[Demand] = []
    ruled_out: dict[str, Mapping[str, str]] = {}
    found: list[Finding] = []
    for model in models:
        options = _fit(model, there, environment)
        found += _computes(model, there, environment)
        demand = _demand(model, options.options, environment)
        held = tuple(one for one in options.options if any(_holds(supply, demand, one) for supply in there.supplies))
        if held:
            made.append(_demand(model, held, environment))
            ruled_out[model.model] = {
                **options.refused,
                **{one.gpu: NO_ROOM for one in options.options if one not in held},
            }
        else:
            found.append(_nowhere(model, options, there, environment))
    names = {model.model for model in models}
    found += [
        Finding(
            code="dedicated-unknown-model",
            field=f"packing.dedicated[{index}]",
            message=f"no model with GPUs is called {name!r}",
            hint=f"there are {', '.join(sorted(names))}",
        )
        for index, name in enumerate(environment.packing.dedicated)
        if name not in names
    ]
    return Asked(tuple(made), ruled_out, tuple(found))


def _demand(model: Wanted, options: tuple[Option, ...], environment: Environment) -> Demand:
    requests = environment.serving.resources
    return Demand(
        model=model.model,
        replicas=model.deploy.fixed_replicas,
        options=options,
        cpu=millicores(requests.cpu),
        memory=mebibytes(requests.memory),
        dedicated=model.model in environment.packing.dedicated,
    )


def _image(model: Wanted, environment: Environment) -> str:
    images = environment.images
    return model.deploy.image or (images.ollama if model.deploy.engine == "ollama" else images.vllm)


def _vendor(model: Wanted, environment: Environment) -> str:
    return "amd" if "rocm" in _image(model, environment).lower() else "nvidia"


def _fit(model: Wanted, there: Market, environment: Environment) -> Fit:
    vendor = _vendor(model, environment)
    if vendor == "nvidia" and (why := _driver(model, there, environment)):
        return Fit((), {"every GPU": why})
    if model.sized:
        found = fit(model.sized, there.most, vendor=vendor, choose_stages=model.deploy.gpu is None)
        return _reserving(found, gpu_count(model.deploy), there)
    return _given(model, there, vendor)


def _reserving(found: Fit, count: int, there: Market) -> Fit:
    """An entry may ask Kubernetes for more GPUs than its engine uses (`count` beside `tensorParallel`)."""
    options = [replace(one, gpus=max(one.gpus, count)) for one in found.options]
    beyond = {
        one.gpu: f"one node has at most {there.most[one.gpu]}" for one in options if one.gpus > there.most[one.gpu]
    }
    return Fit(tuple(one for one in options if one.gpu not in beyond), {**found.refused, **beyond})


def _driver(model: Wanted, there: Market, environment: Environment) -> str:
    image = node_drivers().images.get(there.cloud)
    has = environment.packing.driver or (image.driver if image else None)
    needs = node_drivers().needed_by_image(_image(model, environment)) if model.deploy.engine == "vllm" else 0
    return f"the image needs driver {needs}, the nodes have {has} (packing.driver)" if has and has < needs else ""


def _given(model: Wanted, there: Market, vendor: str) -> Fit:
    """A count that nothing checks: of the type that is named, else of any."""
    gpu, count = model.deploy.gpu, gpu_count(model.deploy)
    assert gpu is not None
    try:
        names = [find_gpu(gpu.type).name] if gpu.type else sorted(there.most)
    except UnknownGpu as error:
        return Fit((), {gpu.type or "": str(error)})
    stages = gpu.pipeline_parallel
    right = [name for name in names if gpus()[name].vendor == vendor]
    options = [Option(name, count, max(1, count // stages), stages) for name in right]
    held = tuple(one for one in options if there.most.get(one.gpu, 0) >= count)
    return Fit(
        held, {one.gpu: f"one node has at most {there.most.get(one.gpu, 0)}" for one in options if one not in held}
    )


def _holds(supply: Supply, demand: Demand, option: Option) -> bool:
    return most_of(supply, need(demand, option)) > 0


def _computes(model: Wanted, there: Market, environment: Environment) -> Iterator[Finding]:
    """A GPU type that is named for weights that it cannot compute with: it would start, and save memory only."""
    sized = model.sized
    if sized is None or sized.wish.gpu is None or not (stored := computes_no(sized, sized.wish.gpu)):
        return
    yield Finding(
        code="gpu-computes-not",
        model=model.model,
        field=model.field,
        message=f"{model.model}: {sized.wish.gpu.name} (compute capability {sized.wish.gpu.compute_capability}) "
        f"computes no {stored}: weights would only be stored so, without its speed",
        hint=_others(model, there, environment),
    )


def would_do(model: Wanted, there: Market, environment: Environment) -> tuple[Elsewhere, ...]:
    """Where one replica could run if the entry did not name its GPUs: for each shape its cheapest node, by price."""
    if model.sized is None:
        return ()
    wish = Wish(model.sized.wish.mode)
    try:
        decision = decide(model.sized.workload, wish, model.sized.trials)
    except Unsizable:
        return ()
    free = replace(model.sized, wish=wish, decision=decision)
    options = fit(free, there.most_of_all, vendor=_vendor(model, environment)).options
    demand = _demand(model, options, environment)
    everything = (*there.supplies, *there.beyond)
    nodes = sorted(
        (supply.usd_per_hour, option, supply)
        for option in options
        for supply in everything
        if _holds(supply, demand, option)
    )
    best: dict[Option, Elsewhere] = {}
    for price, option, supply in nodes:
        best.setdefault(option, Elsewhere(price, f"{option} on {str_of(supply)}"))
    return tuple(best.values())


def _others(model: Wanted, there: Market, environment: Environment) -> str:
    if model.sized is None:
        return ""
    found = would_do(model, there, environment)[:3]
    return (
        f"nearest that would do: {'; '.join(one.text for one in found)}" if found else "nothing that is sold would do"
    )


def _grouped(refused: Mapping[str, str]) -> str:
    """GPU types with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for gpu, reason in refused.items():
        reasons.setdefault(reason, []).append(gpu)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _nowhere(model: Wanted, tried: Fit, there: Market, environment: Environment) -> Finding:
    """No node can have it: why each GPU type is out, and the cheapest that would do if its GPUs were not named."""
    if tried.options:
        requests = environment.serving.resources
        smallest = f"{requests.cpu} CPU and {requests.memory} beside {' or '.join(map(str, tried.options))}"
        why = f"no node has {smallest} (serving.resources, packing.nodeReserve)"
    else:
        why = _grouped(tried.refused) or "no GPU node can be had"
    return Finding(
        code="model-not-placeable",
        model=model.model,
        field=model.field,
        message=f"{model.model}: nothing that {there.cloud} {there.region} sells holds it: {why}".replace("  ", " "),
        hint=_others(model, there, environment),
    )
