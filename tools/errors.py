"""Errors whose message is all that a user needs: shown without a traceback."""

from __future__ import annotations


class LocalError(RuntimeError):
    """Something about the local environment that its user can mend; the message says how."""


def expected_errors() -> tuple[type[BaseException], ...]:
    from kindo_models.findings import InputError
    from tools.cluster.commands import CommandFailed
    from tools.processes import ProcessFailed
    from tools.setup import SetUpFailed

    return (LocalError, InputError, CommandFailed, ProcessFailed, SetUpFailed)
