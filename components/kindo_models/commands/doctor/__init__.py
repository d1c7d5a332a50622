"""`kindo-models doctor`: what this machine has and lacks: tools, settings, credentials, what can be reached; each with
the fix. Values of credentials are never shown.
"""

from kindo_models.commands.doctor.run import doctor

__all__ = ["doctor"]
