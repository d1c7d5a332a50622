"""The values file of Kindo's optional DeepHat chart ("Option B"), strings quoted as on Kindo's page."""

from __future__ import annotations

_VALUES = """\
model: {model}
servedModelName: {name}
maxModelLen: {window}
dtype: {dtype}
tensorParallelSize: '{parallel}'
enableChunkedPrefill: '{chunked_prefill}'
enablePrefixCaching: '{prefix_caching}'
enableAutoToolChoice: '{tools}'
toolCallParser: '{parser}'

resources:
  limits:
    nvidia.com/gpu: {gpus}
  requests:
    nvidia.com/gpu: {gpus}

hfToken: '${{{token}}}'
vllmApiKey: '${{{key}}}'
"""


def values(
    *,
    model: str,
    name: str,
    window: int,
    dtype: str,
    parallel: int,
    gpus: int,
    parser: str | None,
    chunked_prefill: bool,
    prefix_caching: bool,
    token: str,
    key: str,
) -> str:
    """window: tokens; gpus: of one replica; token, key: names of variables, which stay variables."""
    return _VALUES.format(
        model=model,
        name=name,
        window=window,
        dtype=dtype,
        parallel=parallel,
        gpus=gpus,
        parser=parser or "",
        tools=_truth(parser is not None),
        chunked_prefill=_truth(chunked_prefill),
        prefix_caching=_truth(prefix_caching),
        token=token,
        key=key,
    )


def _truth(value: bool) -> str:
    return "true" if value else "false"
