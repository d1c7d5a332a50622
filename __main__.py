"""The stack: environment → plan → components → exports."""

import pulumi

from kindo_models.program import main

pulumi.run(main)
