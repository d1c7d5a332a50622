"""Reading YAML that a user wrote: plain data with the place of every key and value, and complaints that name the place.

`read` and `parse` raise for anything unusable; `scan` and `scan_file` report keys that are written twice as findings.
"""

from kindo_models.source.complaints import findings_of
from kindo_models.source.document import Source, parse, read, read_text, scan, scan_file
from kindo_models.source.secrets import is_secret_name, redacted, redacted_tree
from kindo_models.source.words import KeyPath, dotted, listed, nearest, shown

__all__ = [
    "KeyPath",
    "Source",
    "dotted",
    "findings_of",
    "is_secret_name",
    "listed",
    "nearest",
    "parse",
    "read",
    "read_text",
    "redacted",
    "redacted_tree",
    "scan",
    "scan_file",
    "shown",
]
