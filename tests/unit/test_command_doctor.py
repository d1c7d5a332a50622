"""`kindo-models doctor`: each thing that may be missing, what is said and how it is mended; never a value."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kindo_models import load_stack
from kindo_models.cli import app
from kindo_models.commands.doctor.check import Check
from kindo_models.commands.doctor.credentials import credential_checks
from kindo_models.commands.doctor.reach import address_check, addresses, cluster_check
from kindo_models.commands.doctor.tools import tool_checks
from kindo_models.environment import Environment
from kindo_models.registration import credentials
from kindo_models.source import parse
from kindo_models.stack import Stack

pytestmark = pytest.mark.process


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


# --- tools


def test_a_tool_that_is_not_there_is_named_with_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name(tool_checks())
    assert found["pulumi"] == Check(
        "tools",
        "pulumi",
        "error",
        "not on the PATH (runs the stacks)",
        "install it: https://www.pulumi.com/docs/install/",
    )
    assert (found["kubectl"].status, found["helm"].status) == ("warning", "warning")


def test_versions_are_read_and_compared_with_the_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "pulumi", "echo v3.200.1")
    program(tmp_path, "kubectl", 'echo "Client Version: v1.37.1"')
    program(tmp_path, "helm", "exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = by_name(tool_checks())
    assert found["pulumi"] == Check(
        "tools",
        "pulumi",
        "error",
        "3.200.1 is older than 3.240.0",
        "install 3.240.0 or later: https://www.pulumi.com/docs/install/",
    )
    assert found["kubectl"] == Check("tools", "kubectl", "ok", f"1.37.1 ({tmp_path}/kubectl)")
    assert found["helm"] == Check(
        "tools",
        "helm",
        "warning",
        f"{tmp_path}/helm does not tell its version",
        "run `helm version --short` to see why",
    )


# --- credentials


@pytest.fixture(scope="module")
def local(repository: Path, local_variables: dict[str, str]) -> Stack:
    return load_stack("local", directory=repository / "stacks", variables=local_variables)


def checked(stack: Stack, variables: dict[str, str], config: str = "config: {}\n") -> dict[str, Check]:
    found = credential_checks(variables, stack.plan, stack.environment, parse(config, file="Pulumi.local.yaml"))
    return by_name(found)


def test_what_the_stack_needs_and_nobody_set_is_named_with_both_ways_to_set_it(local: Stack) -> None:
    found = checked(local, {})
    assert found["VLLM_API_KEY"] == Check(
        "credentials",
        "VLLM_API_KEY",
        "error",
        "not set; wanted by qwen3-coder-30b, nemotron, deephat-v2, bge-m3, whisper-large-v3",
        "export VLLM_API_KEY=… or: pulumi config set --secret kindo-models:VLLM_API_KEY …",
    )
    assert found["KINDO_ADMIN_API_KEY"].fix == (
        "export KINDO_ADMIN_API_KEY=… or: pulumi config set --secret kindo-models:kindoAdminApiKey …"
    )
    assert found["UNLEASH_ADMIN_TOKEN"].detail == "not set; wanted by Unleash"


def test_presence_is_said_and_the_value_never(local: Stack) -> None:
    variables = {key.variable or "": "canary" for key in local.plan.keys} | {"UNLEASH_ADMIN_TOKEN": "canary"}
    found = checked(local, variables, "config:\n  kindo-models:kindoAdminApiKey: {secure: canary}\n")
    assert found["KINDO_ADMIN_API_KEY"].detail == "kindo-models:kindoAdminApiKey in the stack's configuration"
    assert found["VLLM_API_KEY"].detail == "set in the environment"
    assert {check.status for check in found.values()} == {"ok"}
    assert "canary" not in str(found)


def test_a_blank_key_counts_as_missing(local: Stack) -> None:
    assert checked(local, {"VLLM_API_KEY": "  "})["VLLM_API_KEY"].status == "error"


def test_the_names_are_those_that_the_registration_reads() -> None:
    from kindo_models.commands.doctor import credentials as doctors

    assert (doctors.KINDO_KEY, doctors.UNLEASH_KEY) == (credentials.KINDO_KEY, credentials.UNLEASH_KEY)


def test_a_passphrase_is_wanted_where_the_stack_is_encrypted_with_one(local: Stack) -> None:
    salted = "encryptionsalt: v1:x\nconfig: {}\n"
    assert "PULUMI_CONFIG_PASSPHRASE" not in checked(local, {})
    assert checked(local, {}, salted)["PULUMI_CONFIG_PASSPHRASE"] == Check(
        "credentials",
        "PULUMI_CONFIG_PASSPHRASE",
        "error",
        "not set; the stack's secrets are encrypted with a passphrase",
        'export PULUMI_CONFIG_PASSPHRASE=… (the stack local: eval "$(make env)")',
    )
    # An empty passphrase is one.
    assert checked(local, {"PULUMI_CONFIG_PASSPHRASE": ""}, salted)["PULUMI_CONFIG_PASSPHRASE"].status == "ok"


def test_a_backend_is_shown_without_its_password(local: Stack) -> None:
    found = checked(local, {"PULUMI_BACKEND_URL": "postgres://me:canary@db:5432/state?sslkey=canary"})
    assert found["Pulumi backend"].detail == "postgres://db:5432/state"


def test_the_azure_blob_backend_wants_its_own_variables(local: Stack) -> None:
    found = checked(local, {"PULUMI_BACKEND_URL": "azblob://state", "ARM_CLIENT_ID": "x"})
    assert found["AZURE_STORAGE_ACCOUNT"] == Check(
        "settings",
        "AZURE_STORAGE_ACCOUNT",
        "error",
        "not set; ARM_* is not read by the backend",
        "export AZURE_STORAGE_ACCOUNT=…",
    )


@pytest.mark.parametrize(
    ("kind", "name", "detail", "fix"),
    [
        ("eks", "AWS", "none found; wanted by the EKS cluster", "aws sso login, or export AWS_PROFILE=…"),
        ("aks", "Azure", "none found; wanted by the AKS cluster", "az login, or export ARM_*"),
    ],
)
def test_clouds_of_the_stack_want_credentials(
    local: Stack, tmp_path: Path, kind: str, name: str, detail: str, fix: str
) -> None:
    environment = Environment.model_validate({"cluster": {"kind": kind}})
    stack = replace(local, environment=environment)
    assert checked(stack, {"HOME": str(tmp_path)})[name] == Check("credentials", name, "warning", detail, fix)
    variable = {"AWS": "AWS_PROFILE", "Azure": "ARM_CLIENT_ID"}[name]
    assert checked(stack, {"HOME": str(tmp_path), variable: "canary"})[name].detail == f"{variable} is set"


def test_bedrock_with_keys_in_the_contract_wants_no_credentials_of_the_machine(local: Stack, tmp_path: Path) -> None:
    assert "AWS" not in checked(local, {"HOME": str(tmp_path)})


def test_a_workload_wants_the_servers_keys_and_a_platform_no_registration_key(local: Stack) -> None:
    written = local.environment.model_dump(mode="json", by_alias=True)
    platform = replace(local, environment=Environment.model_validate({**written, "part": "platform"}))
    assert "KINDO_ADMIN_API_KEY" not in checked(platform, {})


# --- what can be reached


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"gitVersion": "v1.36.2", "major": "1", "minor": "36"} | VERSION_REST).encode()
            status = 200 if self.path == "/version/" else 401
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()


VERSION_REST = dict.fromkeys(("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), "x")
NOTHING = "http://127.0.0.1:1"


def kubeconfig(folder: Path, server: str) -> str:
    file = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "canary"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


def test_the_cluster_that_answers_is_shown_with_version_and_address(server: str, tmp_path: Path) -> None:
    found = cluster_check(None, {"KUBECONFIG": kubeconfig(tmp_path, server)})
    assert found == Check("reach", "cluster", "ok", f"Kubernetes v1.36.2 at {server}")


def test_the_environments_kubeconfig_goes_before_the_variable(server: str, tmp_path: Path) -> None:
    environment = Environment.model_validate({"cluster": {"kubeconfig": kubeconfig(tmp_path, server)}})
    assert cluster_check(environment, {"KUBECONFIG": "/nowhere"}).status == "ok"


def test_a_cluster_that_does_not_answer_is_an_error_with_the_settings(tmp_path: Path) -> None:
    found = cluster_check(None, {"KUBECONFIG": kubeconfig(tmp_path, NOTHING)})
    assert (found.status, found.fix) == (
        "error",
        "set KUBECONFIG, or `cluster: {kubeconfig: …, context: …}` of the environment",
    )
    assert "refused" in found.detail
    assert "0x" not in found.detail
    assert "canary" not in found.detail


def test_no_kubeconfig_at_all_is_an_error(tmp_path: Path) -> None:
    found = cluster_check(None, {"KUBECONFIG": str(tmp_path / "none")})
    assert (found.status, found.detail) == ("error", "Invalid kube-config file. No configuration found.")


def test_a_cluster_of_another_stack_is_not_asked() -> None:
    environment = Environment.model_validate({"cluster": {"stack": "o/clusters/prod"}})
    assert cluster_check(environment, {}).detail == (
        "its kubeconfig is an output of the stack o/clusters/prod: not asked here"
    )


def test_any_answer_of_a_server_counts_and_none_is_an_error(server: str) -> None:
    assert address_check("Unleash", server) == Check("reach", "Unleash", "ok", f"{server} answers (HTTP 401)")
    found = address_check("Unleash", NOTHING)
    assert (found.status, found.fix) == ("error", "check the address, DNS, the firewall and HTTPS_PROXY")
    assert found.detail.startswith(f"{NOTHING}: ")


def test_what_is_asked_follows_the_stack(local: Stack) -> None:
    assert [name for name, _ in addresses(local.environment)] == ["Kindo admin API", "Unleash"]
    eks = Environment.model_validate({"cluster": {"kind": "eks"}, "cloud": {"region": "eu-west-1"}})
    assert addresses(eks) == [("AWS", "https://sts.eu-west-1.amazonaws.com")]
    aks = Environment.model_validate({"cluster": {"kind": "aks"}})
    assert addresses(aks) == [("Azure", "https://management.azure.com")]
    assert addresses(None) == []


# --- the command


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> Path:
    """Everything is there."""
    for name, body in (("pulumi", "echo v3.255.0"), ("kubectl", "echo v1.37.1"), ("helm", "echo v4.3.1+g1")):
        program(tmp_path, name, body)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, server))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_machine_that_has_everything_gives_status_0(machine: Path) -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "Nothing that `pulumi up` needs is missing"


def test_a_machine_that_lacks_something_gives_status_1_and_json_says_what(machine: Path) -> None:
    (machine / "pulumi").unlink()
    result = CliRunner().invoke(app, ["doctor", "--format", "json"])
    checks = json.loads(result.stdout)["checks"]
    assert result.exit_code == 1
    assert [check["name"] for check in checks if check["status"] == "error"] == ["pulumi"]
    assert set(checks[0]) == {"area", "name", "status", "detail", "fix"}


def test_variables_that_a_stack_lacks_are_checks_and_no_refusal(
    machine: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, local_variables: dict[str, str]
) -> None:
    for name in local_variables:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(repository)
    result = CliRunner().invoke(app, ["doctor", "--stack", "local", "--format", "json"])
    assert result.exit_code == 1
    details = [check["detail"] for check in json.loads(result.stdout)["checks"]]
    assert "the environment variable UNLEASH_URL is not set" in details


def test_a_stack_that_does_not_exist_gives_status_2(machine: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--stack", "nope"])
    assert (result.exit_code, result.stderr) == (
        2,
        "error[no-such-stack] no stack is called 'nope' in stacks/, and there is no such folder here\n"
        "    fix: run it in the project\n",
    )
