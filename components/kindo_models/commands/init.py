"""`kindo-models init`: a commented contract to start from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from kindo_models.catalog.providers import providers
from kindo_models.commands.output import write
from kindo_models.contract.convert.starter import DEFAULT, provider_name, starter
from kindo_models.findings import Finding, InputError
from kindo_models.source import nearest


def init(file: Path, chosen: Sequence[str], *, force: bool) -> int:
    """Exit status: 0 written, 2 nothing written. `-` as file prints the contract."""
    try:
        printed = str(file) == "-"
        write(starter(_names(chosen)), None if printed else file, overwrite=force)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if not printed:
        print(f"{file} written. Fill in your names, then: kindo-models validate {file}")
    return 0


def _names(chosen: Sequence[str]) -> list[str]:
    """Names in the catalog; all unknown words at once."""
    names, found = [], []
    for word in chosen or DEFAULT:
        name = provider_name(word)
        if name is None:
            known = providers().providers
            guess = nearest(word, known)
            found.append(
                Finding(
                    code="unknown-provider",
                    field="--provider",
                    message=f"no provider is called {word!r}",
                    hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}",
                )
            )
        else:
            names.append(name)
    if found:
        raise InputError(found)
    return names
