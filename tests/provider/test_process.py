"""What holds for every dynamic resource: names in state, pickles, secrets, errors, previews."""

from __future__ import annotations

import base64
import inspect
from pathlib import Path

import grpc
import pytest
from pulumi.dynamic import Resource
from pulumi.runtime.rpc import UNKNOWN

from kindo_models.registration import resources
from tests.provider.process import ProviderProcess, failure, reference

# State of every installation refers to these. A change here orphans what exists.
NAMES = {
    "RegistrationAccess": "dynamic/kindo-models:RegistrationAccess",
    "GeneratedSecret": "dynamic/kindo-models:GeneratedSecret",
    "VerifiedEndpoint": "dynamic/kindo-models:VerifiedEndpoint",
    "ModelProvider": "dynamic/kindo-models:ModelProvider",
    "RegisteredModel": "dynamic/kindo-models:RegisteredModel",
    "FlagBinding": "dynamic/kindo-models:FlagBinding",
    "RunResult": "dynamic/kindo-models:RunResult",
}


def test_type_tokens_are_the_ones_in_state() -> None:
    found = {
        name: kind._resource_type_name
        for name, kind in inspect.getmembers(resources, inspect.isclass)
        if issubclass(kind, Resource) and kind is not Resource
    }
    assert found == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_is_pickled_as_a_reference_to_its_class(name: str) -> None:
    pickle = base64.b64decode(reference(name))
    module, kind = b"kindo_models.registration.resources", f"{name}Provider".encode()
    frame = (
        b"\x8c" + bytes([len(module)]) + module + b"\x94\x8c" + bytes([len(kind)]) + kind + b"\x94\x93\x94)\x81\x94."
    )
    assert pickle == b"\x80\x04\x95" + len(frame).to_bytes(8, "little") + frame
    assert len(pickle) < 100


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_that_captures_nothing_is_no_secret(name: str) -> None:
    assert getattr(resources, f"{name}Provider").serialize_as_secret_always is False


def test_an_expected_failure_has_no_traceback_and_a_bug_has_one_without_keys(tmp_path: Path) -> None:
    verdict = {
        "status": "fail",
        "checks": [{"check": "dns", "status": "fail", "cause": "dns-not-found", "fix": "do it"}],
    }
    with ProviderProcess({"KINDO_ADMIN_API_KEY": "canary-key-in-a-traceback"}) as provider:
        with pytest.raises(grpc.RpcError) as expected:
            provider.create(
                "RunResult", {"verdicts": {"nemotron": verdict, "gpt-4o": {"status": "pass", "checks": []}}}
            )
        with pytest.raises(grpc.RpcError) as bug:
            # Not even a URL: a mistake of the program, not of the user.
            provider.create("RegisteredModel", {"status": "pass", "litellm_model_name": "x", "fields": {}})
    assert failure(expected.value) == (
        "1 of 2 models did not pass verification. The others are not affected.\n\n"
        "  nemotron\n    dns: dns-not-found\n      fix:  do it\n\n"
        "The next `pulumi up` checks them again."
    )
    assert "Traceback (most recent call last)" in failure(bug.value)
    assert "canary-key-in-a-traceback" not in failure(bug.value)


def test_run_result_passes_with_warned_and_skipped_models_and_fails_on_an_update() -> None:
    good = {"verdicts": {"a": {"status": "pass"}, "b": {"status": "warned"}, "c": {"status": "skipped"}}}
    bad = {"verdicts": {**good["verdicts"], "a": {"status": "fail", "checks": []}}}
    with ProviderProcess({}) as provider:
        made = provider.create("RunResult", good)
        assert not provider.diff("RunResult", made.outputs, good).changes
        assert provider.diff("RunResult", made.outputs, bad).changes
        assert provider.diff("RunResult", made.outputs, {"verdicts": UNKNOWN}).changes
        assert provider.diff("RunResult", made.outputs, {"verdicts": {"a": UNKNOWN}}).changes
        with pytest.raises(grpc.RpcError):
            provider.update("RunResult", made.id, made.outputs, bad)
        provider.delete("RunResult", made.id, made.outputs)


def test_times_and_evidence_of_a_verdict_are_no_change_of_the_result() -> None:
    first = {"verdicts": {"a": {"status": "pass", "checks": [{"check": "dns", "seconds": 0.1}]}}}
    second = {"verdicts": {"a": {"status": "pass", "checks": [{"check": "dns", "seconds": 0.2}]}}}
    with ProviderProcess({}) as provider:
        assert not provider.diff("RunResult", first, second).changes
