"""Texts of a form: the complaint says the form with an example, the JSON Schema has the pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_CREDENTIALS = re.compile(r"//[^/@]*@")


@dataclass(frozen=True)
class Form:
    """Annotation of a `str` field. pattern: a regular expression; like: what to write, for people."""

    pattern: str
    like: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: str) -> str:
        if not re.search(self.pattern, value):
            shown = _CREDENTIALS.sub("//***@", value)
            raise ValueError(f"{shown!r} is not of the right form; write {self.like}")
        return value


CPU = Form(r"^\d+(\.\d+)?m?$", "CPUs such as 4 or 500m")
MEMORY = Form(r"^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$", "bytes with a unit, such as 32Gi or 512Mi")
URL = Form(r"^https?://[^/\s]+", "an address such as https://host or http://host:8080")
ENDPOINT = Form(r"^https?://[^/\s]+$", "scheme, host and port without a path, such as https://proxy:8443")
STACK = Form(r"^[^/\s]+(/[^/\s]+){0,2}$", "a stack as organization/project/stack")
VERSION = Form(r"^\d+\.\d+\.\d+([-.].+)?$", "a release such as 1.108.0")
ROLE = Form(r"^arn:[\w-]+:iam::\d{12}:role/.+$", "an IAM role such as arn:aws:iam::123456789012:role/NAME")
DURATION = Form(r"^([0-9]+(ms|s|m|h))+$", "a duration such as 1h or 30m")
