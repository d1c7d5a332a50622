"""The Pulumi program without an engine: mocks that record every resource, and a readable snapshot of the graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.runtime import mocks

DYNAMIC = "pulumi-python:dynamic/kindo-models:"


class Recorder(mocks.Mocks):
    """Answers like the real parts would when everything goes well; `answers` overrides by type."""

    def __init__(self, answers: dict[str, Callable[[mocks.MockResourceArgs], dict[str, Any]]] | None = None) -> None:
        self.resources: list[mocks.MockResourceArgs] = []
        self.answers = answers or {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources.append(args)
        outputs = dict(args.inputs)
        kind = args.typ.removeprefix(DYNAMIC)
        if args.typ in self.answers or kind in self.answers:
            outputs |= self.answers.get(kind, self.answers.get(args.typ))(args)  # type: ignore[misc]
        elif kind == "GeneratedSecret":
            outputs |= {"fingerprints": dict.fromkeys(args.inputs["keys"], "f" * 64), "uid": "uid"}
        elif kind == "VerifiedEndpoint":
            outputs |= {"verdict": {"model": args.inputs["model"], "status": "pass", "checks": []}}
        elif kind == "ModelProvider":
            outputs |= {"provider_id": f"provider-{args.inputs['display_name']}", "created": False}
        elif kind == "RegisteredModel":
            withheld = args.inputs["status"] == "fail"
            outputs |= {
                "model_id": None if withheld else f"id-{args.inputs['litellm_model_name']}",
                "registered": not withheld,
            }
        elif kind == "FlagBinding":
            ids = [one["model_id"] for one in args.inputs["candidates"] if one["registered"]]
            outputs |= {"payload": ",".join(ids), "previous": None, "created": True}
        elif args.typ == "kubernetes:helm.sh/v3:Release":
            outputs |= {"status": {"revision": 1, "status": "deployed"}}
        elif args.typ.startswith("kubernetes:core"):
            outputs["metadata"] = {"resourceVersion": "1", **(args.inputs.get("metadata") or {})}
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"the program looked something up: {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Inputs by name of all resources whose type ends in `kind`."""
        return {one.name: one.inputs for one in self.resources if one.typ.rpartition(":")[2] == kind}


def run(program: Callable[[], Any], recorder: Recorder, *, preview: bool = False) -> Any:
    """Run `program` under the mocks and wait until every resource is registered; returns what it returned, of a
    coroutine function what that came to.
    """
    mocks.set_mocks(recorder, project="kindo-models", stack="local", preview=preview)
    result: list[Any] = []

    @pulumi.runtime.test
    def body() -> Any:
        returned = program()
        if not inspect.iscoroutine(returned):
            result.append(returned)
            return None

        async def wait() -> None:
            result.append(await returned)

        return wait()

    body()
    return result[0]
