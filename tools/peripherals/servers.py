"""The three HTTP servers: Unleash, the stand-in of the providers, the stand-in of the Kindo admin API."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx

from tools.errors import LocalError
from tools.paths import PORTS, REPOSITORY, Instance
from tools.peripherals import postgresql
from tools.peripherals.secrets import internal, secrets
from tools.processes import Process

PROVIDER_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AWS_ACCESS_KEY_ID", "AZURE_API_KEY")
_PROVIDERS = Path(__file__).parent / "providers" / "server.mjs"


def unleash(instance: Instance) -> Process:
    return Process(instance, "unleash")


def providers(instance: Instance) -> Process:
    return Process(instance, "aimock")


def kindo_admin(instance: Instance) -> Process:
    return Process(instance, "kindo-admin-api")


def start_unleash(instance: Instance) -> None:
    """The real Unleash; PostgreSQL must run. The first start makes its tables (about ten seconds)."""
    own = internal(instance)
    unleash(instance).start(
        ["node", _node_modules() / "unleash-server" / "dist" / "server.js"],
        environment={
            "DATABASE_URL": postgresql.url(instance, "unleash"),
            "DATABASE_SSL": "false",
            "HTTP_HOST": instance.node_ip,
            "HTTP_PORT": str(PORTS["unleash"]),
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "warn",
            "UNLEASH_DEFAULT_ADMIN_PASSWORD": own["UNLEASH_UI_PASSWORD"],
            "INIT_ADMIN_API_TOKENS": secrets(instance)["UNLEASH_ADMIN_TOKEN"],
            "INIT_CLIENT_API_TOKENS": own["UNLEASH_CLIENT_TOKEN"],
        },
    )
    unleash(instance).wait_ready(lambda: is_ready(instance, "unleash"), seconds=120, every=0.2)
    token = secrets(instance)["UNLEASH_ADMIN_TOKEN"]
    with client(instance, "unleash", {"Authorization": token}) as http:
        if http.get("/api/admin/projects").status_code == httpx.codes.UNAUTHORIZED:
            raise LocalError(
                f"Unleash refuses the token of {instance.state_dir / 'secrets.json'}: its database is older than "
                "that file. `make clean`, then `make up`, makes both anew."
            )


def start_providers(instance: Instance) -> None:
    """Stand-in of the cloud providers: aimock with answers of ours."""
    given = secrets(instance)
    providers(instance).start(
        ["node", _PROVIDERS, _node_modules(), instance.node_ip, str(PORTS["aimock"])],
        environment={name: given[name] for name in PROVIDER_KEYS},
    )
    providers(instance).wait_ready(lambda: is_ready(instance, "aimock"), seconds=30)


def start_kindo_admin(instance: Instance, *, faults: bool = False) -> None:
    """Stand-in of the Kindo admin API. `faults` lets tests plan faults."""
    kindo_admin(instance).start(
        [
            *(sys.executable, "-m", "tools.peripherals.kindo_admin", "--host", instance.node_ip),
            *("--port", str(PORTS["kindo-admin-api"]), "--database", instance.state_dir / "kindo-admin.sqlite"),
            *(["--faults"] if faults else []),
        ],
        environment={"KINDO_ADMIN_API_KEY": secrets(instance)["KINDO_ADMIN_API_KEY"]},
        cwd=REPOSITORY,
    )
    kindo_admin(instance).wait_ready(lambda: is_ready(instance, "kindo-admin-api"), seconds=30)


def is_ready(instance: Instance, name: str) -> bool:
    with client(instance, name, {}) as http:
        return http.get("/health").is_success


def client(instance: Instance, name: str, headers: dict[str, str]) -> httpx.Client:
    """HTTP client for one of the servers, by its name in PORTS."""
    url = f"http://{instance.node_ip}:{PORTS[name]}"
    return httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False)


def _node_modules() -> Path:
    from tools.setup.npm import node_modules

    return node_modules()
