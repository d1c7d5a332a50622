"""Pure decisions: `plan(contract, environment)` holds all of them and their reasons. Never imports Pulumi.

Components, the command line, reports and tests read the one `Plan` value that comes out.
"""

from kindo_models.planning.model import Plan
from kindo_models.planning.plan import plan

__all__ = ["Plan", "plan"]
