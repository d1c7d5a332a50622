"""What `make up` ends with: the registered models, the gateway's address, one real answer and one real tool call."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import httpx

from tools.errors import LocalError
from tools.paths import Instance

if TYPE_CHECKING:
    from rich.table import Table

CHAT_MODEL = "smollm2-135m"
TOOL_MODEL = "deephat-v2"
QUESTION = "What is the capital of France?"
WEATHER_QUESTION = "What is the weather in SF?"
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current weather for a location",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}


def show(here: Instance, outputs: dict[str, Any]) -> None:
    print_models(outputs["models"])
    gateway = outputs["gateway"]
    print(f"\nGateway  {gateway}/v1\n")
    key = master_key(here)
    print(f"{CHAT_MODEL} (a real 135M model), asked {QUESTION!r}:\n    {answer(gateway, key)}\n")
    name, arguments = tool_call(gateway, key)
    print(f"{TOOL_MODEL}, asked {WEATHER_QUESTION!r}, calls the tool:\n    {name}({json.dumps(arguments)})")


def answer(gateway: str, key: str) -> str:
    """A real answer: from the model that Ollama runs, through the gateway, under the contract's name."""
    return str(_complete(gateway, key, CHAT_MODEL, QUESTION)["content"]).strip()


def tool_call(gateway: str, key: str) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the tool call of a model that is served as vLLM."""
    message = _complete(gateway, key, TOOL_MODEL, WEATHER_QUESTION, tools=[_WEATHER], tool_choice="auto")
    function = message["tool_calls"][0]["function"]
    return function["name"], json.loads(function["arguments"])


def print_models(models: list[dict[str, Any]]) -> None:
    """A table where it fits, else a block for each model. A log has no width, so there the table always fits."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    table = _table(models)
    console.print("Registered models\n", style="bold")
    if (width := console.measure(table, options=console.options.update(max_width=1000)).maximum) <= console.width:
        console.print(table, width=width)
    else:
        for row in models:
            console.print(_block(row), soft_wrap=True)


def _table(models: list[dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("model", "provider", "endpoint", "model id", "flags that point at it"):
        table.add_column(column, no_wrap=True)
    for row in models:
        table.add_row(
            row["name"], row["provider"], _short(row["endpoint"]), _id(row), "\n".join(row["flags"]) or "none"
        )
    return table


def _block(row: dict[str, Any]) -> str:
    flags = ", ".join(row["flags"]) or "none"
    return (
        f"[bold]{row['name']:26}[/] {row['provider']:14} {_id(row)}\n"
        f"    {_short(row['endpoint'])}\n"
        f"    flags: {flags}\n"
    )


def _id(row: dict[str, Any]) -> str:
    return row["model_id"] or f"withheld ({row['status']})"


def _short(endpoint: str) -> str:
    return endpoint.replace(".svc.cluster.local", "")


def master_key(here: Instance) -> str:
    """The gateway's key, read from the cluster where it was made."""
    from kubernetes import client, config

    config.load_kube_config(str(here.kubeconfig))  # type: ignore[no-untyped-call]
    secret = client.CoreV1Api().read_namespaced_secret("litellm-master-key", "kindo-gateway")
    if not secret.data:
        raise LocalError("The Secret kindo-gateway/litellm-master-key is empty: run `make up`.")
    return base64.b64decode(secret.data["LITELLM_MASTER_KEY"]).decode()


def _complete(gateway: str, key: str, model: str, question: str, **more: Any) -> dict[str, Any]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 256,
        "temperature": 0,
        **more,
    }
    answer = httpx.post(
        f"{gateway}/v1/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    )
    answer.raise_for_status()
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message
