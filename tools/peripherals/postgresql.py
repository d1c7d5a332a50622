"""PostgreSQL of Debian with a cluster of its own under the state directory; it keeps Unleash's data.

PostgreSQL refuses to run as root, and the user `postgres` cannot reach into a state directory below /root. So it runs
in a mount namespace of its own where the directory is mounted over /var/lib/postgresql; the mount ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tools.errors import LocalError
from tools.paths import PORTS, Instance
from tools.peripherals.secrets import internal
from tools.processes import Process, start_time

DATABASES = ("unleash",)
_VERSIONS = Path("/usr/lib/postgresql")
_MOUNT_POINT = "/var/lib/postgresql"
_INSIDE = """
mount --bind "$1" /var/lib/postgresql
shift
exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
"""
_SETTINGS = {
    "port": str(PORTS["postgresql"]),
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    # A crash of the machine may lose the last moments, never the cluster's consistency.
    "synchronous_commit": "off",
    "log_min_messages": "warning",
}


def process(instance: Instance) -> Process:
    return Process(instance, "postgresql")


def start(instance: Instance) -> None:
    """Make the cluster if there is none, start it, wait until it answers, make its databases."""
    _make_cluster(instance)
    settings = {**_SETTINGS, "listen_addresses": instance.node_ip}
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = _as_postgres(instance, _programs(instance) / "postgres", "-D", f"{_MOUNT_POINT}/data", *arguments)
    if process(instance).pid() is None:
        _forget_killed_server(_directory(instance) / "data")
    process(instance).start(command, cwd=Path("/"))
    process(instance).wait_ready(lambda: is_ready(instance), seconds=60)
    existing = set(query(instance, "postgres", "SELECT datname FROM pg_database").split())
    for name in DATABASES:
        if name not in existing:
            query(instance, "postgres", f'CREATE DATABASE "{name}"')


def stop(instance: Instance) -> None:
    pid = process(instance).pid()
    if pid is not None:
        os.kill(pid, signal.SIGINT)  # "fast": does not wait for clients, as SIGTERM would
    process(instance).stop()


def url(instance: Instance, database: str) -> str:
    password = internal(instance)["POSTGRES_PASSWORD"]
    return f"postgres://postgres:{password}@{instance.node_ip}:{PORTS['postgresql']}/{database}"


def is_ready(instance: Instance) -> bool:
    return query(instance, "postgres", "SELECT 1").strip() == "1"


def query(instance: Instance, database: str, statement: str) -> str:
    """Unaligned result of one statement; raises LocalError with the server's words."""
    done = subprocess.run(
        ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement],
        env={
            "PATH": os.environ.get("PATH", ""),
            "PGHOST": instance.node_ip,
            "PGPORT": str(PORTS["postgresql"]),
            "PGUSER": "postgres",
            "PGDATABASE": database,
            "PGPASSWORD": internal(instance)["POSTGRES_PASSWORD"],
            "PGCONNECT_TIMEOUT": "2",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode:
        raise LocalError(f"PostgreSQL at {instance.node_ip}: {done.stderr.strip()}")
    return done.stdout


def _directory(instance: Instance) -> Path:
    return instance.state_dir / "postgresql"


def _make_cluster(instance: Instance) -> None:
    """`initdb` into a folder aside, then renamed: an interrupted one is simply done again."""
    home = _directory(instance)
    if (home / "data" / "PG_VERSION").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    shutil.chown(home, "postgres", "postgres")
    home.chmod(0o700)
    new = home / f"new-{os.getpid()}"  # an interrupted run's initdb may still be writing
    for rest in (home / "data", *home.glob("new-*")):
        shutil.rmtree(rest, ignore_errors=True)
    password = home / "password"
    password.touch(mode=0o600)
    password.write_text(internal(instance)["POSTGRES_PASSWORD"])
    shutil.chown(password, "postgres", "postgres")
    options = [
        "--username=postgres",
        "--auth=scram-sha-256",
        f"--pwfile={_MOUNT_POINT}/password",
        "--no-locale",
        "-E",
        "UTF8",
    ]
    command = _as_postgres(
        instance, _programs(instance) / "initdb", "-D", f"{_MOUNT_POINT}/{new.name}", "--no-sync", *options
    )
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    password.unlink()
    if done.returncode:
        raise LocalError(f"initdb failed: {(done.stderr or done.stdout).strip()}")
    # Pods reach it through a Service, so any address may; nothing outside the cluster's namespace can.
    with (new / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 scram-sha-256\n")
    new.rename(home / "data")


def _forget_killed_server(data: Path) -> None:
    """Remove the lock file of a server that was killed, once its children have noticed.

    PostgreSQL itself takes a zombie for a running server, and a killed one stays a zombie until init has time for it.
    """
    lock = data / "postmaster.pid"
    if not lock.exists() or start_time(int(lock.read_text().split()[0])) is not None:
        return
    deadline = time.monotonic() + 10
    while _works_in(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    lock.unlink(missing_ok=True)


def _works_in(folder: Path) -> bool:
    """Whether a process has this working directory, as every process of a PostgreSQL server does."""
    wanted = folder.stat()
    for process_directory in Path("/proc").iterdir():
        try:
            found = (process_directory / "cwd").stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True
    return False


def _programs(instance: Instance) -> Path:
    """Folder of the installed version; of the version that made the data, if there is data."""
    made_by = _directory(instance) / "data" / "PG_VERSION"
    installed = sorted((path.parent.parent.name for path in _VERSIONS.glob("*/bin/initdb")), key=float, reverse=True)
    if not installed:
        raise LocalError(
            f"PostgreSQL is not installed below {_VERSIONS}: run `make setup`, or apt-get install postgresql."
        )
    wanted = made_by.read_text().strip() if made_by.exists() else installed[0]
    if wanted not in installed:
        raise LocalError(
            f"{_directory(instance)} was made by PostgreSQL {wanted}, and installed is {', '.join(installed)}. "
            f"Install postgresql-{wanted}, or remove the folder: the local flags are then seeded anew."
        )
    return _VERSIONS / wanted / "bin"


def _as_postgres(instance: Instance, *command: str | Path) -> list[str]:
    unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", _INSIDE, "sh"]
    return [*unshared, str(_directory(instance)), *(str(part) for part in command)]
