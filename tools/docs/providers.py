"""The page docs/providers.md, made from the catalog. `python -m tools.docs` writes it; a test holds both equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kindo_models.catalog.kdeps import Backend, kdeps_backends
from kindo_models.catalog.models import Family, Lifecycle, cloud_models, lifecycles, model_families
from kindo_models.catalog.providers import Provider, providers
from kindo_models.catalog.vllm_releases import known_releases

_INTRODUCTION = """\
# Providers and models

Written by `python -m tools.docs` from `components/kindo_models/catalog/data/`; edit there.

## The thirteen providers

`provider` is Kindo's ModelProvider display name: any other name creates a new row in Kindo. *Required* are the keys
that an entry needs besides the common ones; `deploy:` and the environment may fill them in. Kindo's own page names the
prefixes {documented};
for the others put the gateway in front (`kindo-models render --target kindo --via gateway`).
"""
_VARIABLES = """\
## Variables

An omitted `apiKey` means the first variable. LiteLLM reads all of them, the first that is set wins; for Gemini it reads
`GOOGLE_API_KEY` first.
"""
_KEYLESS = """\
## Without a key

What Kindo's contract cannot express works through this project's gateway only.
"""
_LISTS = """\
## Listing models

The cheapest authenticated read of an endpoint.
"""
_CAPABILITIES = """\
## Capabilities

Of the chat route through LiteLLM. `by model`: the model map decides (`supports` in cloud_models.yaml), for open weights
the family.
"""
_LIFECYCLE = """\
## Lifecycle

Kept by hand; cloud_models.yaml has {count} IDs with the dates of LiteLLM's map. `no longer listed`: absent from that
map, which is no proof of retirement.
"""
_FAMILIES = """\
## Open-weight families on vLLM

Parsers for vLLM {release}; `–` where the family needs none or none is known. Window in tokens.
"""


def page() -> str:
    parts = [_providers(), _variables(), _keyless(), _lists(), _capabilities(), _kdeps(), _lifecycle(), _families()]
    return "\n".join([*parts, _sources()])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "–"


def _known() -> dict[str, Provider]:
    return providers().providers


def _providers() -> str:
    documented = [p.prefixes[0] for p in _known().values() if p.documented and p.prefixes[0] != "hosted_vllm"]
    introduction = _INTRODUCTION.format(documented=code(f"{prefix}/" for prefix in documented))
    rows = [
        (
            f"[{provider.title}]({provider.docs})",
            f"`{provider.kindo_provider}`",
            code(_prefixes(name, provider)),
            code(provider.required),
            code([provider.default_base] if provider.default_base else []),
        )
        for name, provider in _known().items()
    ]
    return f"{introduction}\n{table(('Provider', '`provider`', 'Prefix', 'Required', 'Default base in LiteLLM'), rows)}"


def _prefixes(name: str, provider: Provider) -> list[str]:
    own = [f"{prefix}/" for prefix in provider.prefixes]
    # The contract writes a server of ours, or one that exists, as Kindo's page does.
    return ["openai/", *own] if name == "vllm" else own


def _variables() -> str:
    backends = kdeps_backends()
    rows = []
    for name, provider in _known().items():
        found = backends.of_provider(name)
        others = [variable for names in provider.variables.values() for variable in names]
        kdeps = [found[1].variable] if found and found[1].variable else []
        rows.append((provider.title, code(provider.key_variables), code(others), code(kdeps)))
    return f"{_VARIABLES}\n{table(('Provider', 'Key', 'Other, read by LiteLLM', 'Key, read by KDeps'), rows)}"


def _keyless() -> str:
    rows = [
        (provider.title, option.name, option.how, "yes" if option.contract else "no")
        for provider in _known().values()
        for option in provider.keyless_options
    ]
    return f"{_KEYLESS}\n{table(('Provider', 'Way', 'How', 'In the contract'), rows)}"


def _lists() -> str:
    rows = []
    for provider in _known().values():
        listed = provider.model_list
        headers = [f"{name}: {value.replace('{key}', 'KEY')}" for name, value in listed.headers.items()]
        address = f"{listed.host or '`apiBase`'}".replace("`", "")
        rows.append((provider.title, f"`GET {address}{listed.path}`", code(headers), listed.note or "–"))
    return f"{_LISTS}\n{table(('Provider', 'Request', 'Headers', 'Remark'), rows)}"


def _capabilities() -> str:
    rows = [
        (provider.title, found.tools, found.vision, found.json_response, found.streaming, found.source, found.date)
        for provider in _known().values()
        for found in [provider.capabilities]
    ]
    head = ("Provider", "Tools", "Vision", "JSON response", "Streaming", "Source", "Date")
    return f"{_CAPABILITIES}\n{table(head, rows)}"


def _kdeps() -> str:
    catalog = kdeps_backends()
    backends = [
        (f"`{name}`", _known()[b.provider].title, f"`{b.base}{b.path}`", _kdeps_key(b))
        for name, b in catalog.backends.items()
    ]
    features = catalog.features
    rows = [(name, *row) for name, row in features.rows.items()]
    notes = "\n".join(f"{mark}. {text}" for mark, text in features.footnotes.items())
    return (
        "## KDeps\n\nBackends that KDeps's resources name. A resource without `backend` uses "
        f"`{catalog.default}`.\n\n"
        + table(("Backend", "Provider", "Request", "Key"), backends)
        + "\nKDeps's own feature table. It says what KDeps can do, not what the providers can.\n\n"
        + table(("Feature", *features.columns), rows)
        + f"\n{notes}\n\nRemark: {features.note}.\n"
    )


def _kdeps_key(backend: Backend) -> str:
    text = code([backend.variable] if backend.variable else [])
    return text if backend.key_sent else f"{text}, which chats do not send"


def _lifecycle() -> str:
    rows = [
        (_known()[name].title, f"`{model}`", _end(row), code([row.replacement] if row.replacement else []), row.source)
        for name, found in lifecycles().providers.items()
        for model, row in found.items()
        if not row.undated
    ]
    count = sum(len(found) for found in cloud_models().providers.values())
    return f"{_LIFECYCLE.format(count=count)}\n{table(('Provider', 'Model', 'End', 'Replacement', 'Source'), rows)}"


def _end(row: Lifecycle) -> str:
    if row.retires:
        return str(row.retires)
    if row.deprecated:
        return f"deprecated {row.deprecated}"
    return "no longer listed" if row.absent else f"no date ({row.note})"


def _families() -> str:
    release = known_releases()[-1]
    rows = [_family(family, release) for family in model_families().families.values()]
    head = ("Family", "vLLM from", "Tool parser", "Reasoning parser", "Remote code", "Window")
    return f"{_FAMILIES.format(release=release)}\n{table(head, rows)}"


def _family(family: Family, release: str) -> tuple[str, ...]:
    return (
        family.title,
        family.min_vllm or "–",
        code(filter(None, [family.tool_parser(release)])),
        code(filter(None, [family.reasoning_parser(release)])),
        "needed" if family.remote_code else "–",
        f"{family.window:,}" if family.window else "–",
    )


def _sources() -> str:
    heads = {
        "providers.yaml": providers().head,
        "cloud_models.yaml": cloud_models().head,
        "model_lifecycle.yaml": lifecycles().head,
        "model_families.yaml": model_families().head,
        "kdeps_backends.yaml": kdeps_backends().head,
    }
    rows = [(f"`{name}`", head.source, head.date, head.licence) for name, head in heads.items()]
    return "## Sources\n\n" + table(("File", "Source", "Date", "Licence"), rows)
