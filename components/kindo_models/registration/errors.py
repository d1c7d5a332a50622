"""What can go wrong while registering, each with one message that a user can act on; never a key in it."""

from __future__ import annotations


class RegistrationError(Exception):
    """Expected at run time: `str()` is all that the user needs, so the provider shows it without a traceback."""


class Unreachable(RegistrationError):
    """No usable answer after bounded retries: refused, timed out, reset, 429/502/503/504 to the end."""


class AnswerLost(Unreachable):
    """The request may have been carried out, but its answer did not arrive. Look before sending it again."""


class Refused(RegistrationError):
    """401 or 403."""


class NotFound(RegistrationError):
    """404."""


class Conflict(RegistrationError):
    """409: it exists, or somebody changed it."""


class Rejected(RegistrationError):
    """Another 4xx: the server's message says what is wrong with the request."""


class UnexpectedAnswer(RegistrationError):
    """Not JSON, too large, a redirect, or without the fields that it must have."""


class OwnedByAnother(RegistrationError):
    """The row exists and belongs to another stack, or to nobody with other values."""


class CredentialMissing(RegistrationError):
    """Neither the Pulumi secret nor the environment variable is set."""
