"""Where a command's text goes: standard output or a file."""

from __future__ import annotations

import sys
from pathlib import Path

from kindo_models.findings import Finding, InputError


def write(text: str, file: Path | None, *, overwrite: bool = True) -> None:
    """`file`: None for standard output. Raises InputError (`file-exists`, `unwritable-file`)."""
    if file is None:
        sys.stdout.write(text)
        return
    try:
        # "x": a file that appears in between is not overwritten either.
        with file.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise _refusal(
            "file-exists", file, f"{file} exists and is not overwritten", "another name, or --force"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no file name"
        raise _refusal("unwritable-file", file, f"cannot write {file}: {reason}") from None


def _refusal(code: str, file: Path, message: str, hint: str = "") -> InputError:
    return InputError([Finding(code=code, file=str(file), message=message, hint=hint)])
