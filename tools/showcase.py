"""What `make up` ends with: the registered models, the gateway's address, one real answer and one real tool call."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx

from tools.paths import Instance

CHAT_MODEL = "smollm2-135m"
TOOL_MODEL = "deephat-v2"
_QUESTION = "What is the capital of France?"
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
    print(f"Gateway  {gateway}/v1\n")
    with httpx.Client(
        base_url=gateway, headers={"Authorization": f"Bearer {master_key(here)}"}, timeout=60, trust_env=False
    ) as client:
        answer = _complete(client, CHAT_MODEL, _QUESTION)["content"].strip()
        print(f"{CHAT_MODEL} (a real 135M model) on {_QUESTION!r}\n    {answer}\n")
        call = _complete(client, TOOL_MODEL, "What is the weather in SF?", tools=[_WEATHER], tool_choice="auto")
        function = call["tool_calls"][0]["function"]
        arguments = json.loads(function["arguments"])
        print(f"{TOOL_MODEL} on 'What is the weather in SF?' calls the tool\n    {function['name']}({json.dumps(arguments)})")


def print_models(models: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title="Registered models", title_justify="left")
    table.add_column("model", no_wrap=True)
    table.add_column("provider")
    table.add_column("endpoint", overflow="fold")
    table.add_column("model id", overflow="fold")
    table.add_column("flags that point at it", overflow="fold")
    for row in models:
        table.add_row(
            row["name"], row["provider"], row["endpoint"], row["model_id"] or row["status"], ", ".join(row["flags"])
        )
    Console().print(table)


def master_key(here: Instance) -> str:
    """The gateway's key, read from the cluster where it was made."""
    from kubernetes import client, config

    config.load_kube_config(str(here.kubeconfig))
    secret = client.CoreV1Api().read_namespaced_secret("litellm-master-key", "kindo-gateway")
    return base64.b64decode(secret.data["LITELLM_MASTER_KEY"]).decode()


def _complete(client: httpx.Client, model: str, question: str, **more: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": 256, "temperature": 0, **more}
    answer = client.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message
