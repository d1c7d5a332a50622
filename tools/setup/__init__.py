"""Sets up what the local environment needs: packages, binaries from pinned modules, servers, images.

Each step is skipped while its pins are unchanged; an interrupted run goes on where it was; two runs take turns.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from tools.setup.prerequisites import Prerequisite, missing_prerequisites
from tools.setup.step import SetUpFailed

__all__ = ["Prerequisite", "SetUpFailed", "missing_prerequisites", "run"]


def run(only: Collection[str] | None = None) -> None:
    """Do what is not done yet: all steps, or those named with what they need. SetUpFailed says what is wrong."""
    if missing := missing_prerequisites():
        raise SetUpFailed(
            "This machine lacks what the set-up cannot install by itself:\n" + "\n".join(f"  {one}" for one in missing)
        )
    from tools.setup.catalog import steps
    from tools.setup.golang import give_way_to_official
    from tools.setup.prerequisites import free_space_is_low
    from tools.setup.runner import carry_out

    give_way_to_official()
    catalog = steps()
    if (warning := free_space_is_low()) and not all(catalog.is_done(step.name) for step in catalog.selected(only)):
        print(f"Warning: {warning}", file=sys.stderr)
    carry_out(catalog, catalog.selected(only))
