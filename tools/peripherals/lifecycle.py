"""up, down, status. `up` may find anything: nothing, all running, some killed, an interrupted first start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tools.cluster import ComponentState
from tools.paths import PORTS, Instance
from tools.peripherals import exposure, postgresql, servers
from tools.peripherals.secrets import internal, secrets
from tools.processes import Process


def up(instance: Instance) -> None:
    """Start what does not run, all at once, and wait until everything answers. The network namespace must exist."""
    secrets(instance), internal(instance)  # made before anything starts, by one thread
    with ThreadPoolExecutor() as pool:
        started = [
            pool.submit(_database_and_unleash, instance),
            pool.submit(servers.start_providers, instance),
            pool.submit(servers.start_kindo_admin, instance),
        ]
    for one in started:
        one.result()


def down(instance: Instance) -> None:
    """Stop everything; data stays for the next `up`. Of an own cluster, also take our Services out again."""
    if not instance.namespaced:
        exposure.withdraw(instance)
    with ThreadPoolExecutor() as pool:
        ended = [pool.submit(process.stop) for process in (servers.providers(instance), servers.kindo_admin(instance))]
        servers.unleash(instance).stop()
        postgresql.stop(instance)
    for one in ended:
        one.result()


def status(instance: Instance) -> list[ComponentState]:
    """What runs and answers. Starts nothing and changes nothing."""
    rows: list[tuple[Process, str, str]] = [
        (postgresql.process(instance), "postgresql", ""),
        (servers.unleash(instance), "unleash", "real"),
        (servers.providers(instance), "aimock", "stand-in of the cloud providers"),
        (servers.kindo_admin(instance), "kindo-admin-api", "stand-in"),
    ]
    return [
        ComponentState(process.name, process.pid(), _answers(instance, process, name), _detail(instance, name, note))
        for process, name, note in rows
    ]


def _database_and_unleash(instance: Instance) -> None:
    postgresql.start(instance)
    servers.start_unleash(instance)


def _answers(instance: Instance, process: Process, name: str) -> bool:
    if process.pid() is None:
        return False
    try:
        return postgresql.is_ready(instance) if name == "postgresql" else servers.is_ready(instance, name)
    except Exception:
        return False


def _detail(instance: Instance, name: str, note: str) -> str:
    address = f"{instance.node_ip}:{PORTS[name]}"
    return f"{address} ({note})" if note else address
