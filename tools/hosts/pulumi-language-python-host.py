"""Pulumi's language host for Python programs, for an engine that was built from source.

The official host is a Go program that no module proxy serves. This one does the same for what `pulumi preview`, `up`,
`destroy`, `install` and `about` ask: it runs the program with Pulumi's own runner (`pulumi-language-python-exec`, from
the SDK's Go module) in the project's virtual environment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from types import FrameType
from typing import Any

try:
    import grpc
    from google.protobuf import empty_pb2, json_format
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
except ImportError as missing:
    sys.exit(f"The Python language host cannot start with {sys.executable}: {missing}. Install the project's packages.")

RUNNER = Path(__file__).with_name("pulumi-language-python-exec")
SHOWN_ALREADY = 32
"""The runner's exit code after it has reported an error itself."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._program: subprocess.Popen[bytes] | None = None

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="3.255.0")

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The SDKs in the project's environment name their provider plugin in `pulumi-plugin.json`."""
        packages = []
        for site_packages in environment(request.info).glob("lib/python3*/site-packages"):
            for file in sorted(site_packages.glob("pulumi_*/pulumi-plugin.json")):
                plugin = json.loads(file.read_text())
                if plugin.get("resource"):
                    packages.append(
                        plugin_pb2.PackageDependency(
                            name=plugin.get("name", ""),
                            kind="resource",
                            version=f"v{plugin['version'].removeprefix('v')}" if plugin.get("version") else "",
                            server=plugin.get("server", ""),
                        )
                    )
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        arguments = {
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.info.program_directory,
            "dry_run": "true" if request.dryRun else "",
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        command = [str(python(request.info)), "-u", str(RUNNER)]
        for name, value in arguments.items():
            if value:
                command += [f"--{name}", value]
        self._program = subprocess.Popen(
            [*command, request.info.entry_point or ".", *request.args],
            stdin=subprocess.DEVNULL,
            env={
                **activated(request.info),
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
        )
        code = self._program.wait()
        if code == 0:
            return language_pb2.RunResponse()
        if code == SHOWN_ALREADY:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """The project's environment comes from its lock file; nothing is installed behind it."""
        found = python(request.info)
        said = f"Packages come from the project's lock file; `make .venv` installs them ({found}).\n"
        yield language_pb2.InstallDependenciesResponse(stdout=said.encode())

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        interpreter = str(python(request.info))
        version = subprocess.run(
            [interpreter, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
        ).stdout.strip()
        return language_pb2.AboutResponse(executable=interpreter, version=version)

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        listed = subprocess.run(
            [str(python(request.info)), "-c", LIST_PACKAGES], capture_output=True, text=True, check=True
        ).stdout
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version) for name, version in json.loads(listed)
            ]
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        if self._program is not None and self._program.poll() is None:
            self._program.terminate()


LIST_PACKAGES = """
import importlib.metadata, json
print(json.dumps(sorted((d.metadata["Name"], d.version) for d in importlib.metadata.distributions())))
"""


def environment(info: Any) -> Path:
    """The virtual environment of the program: the option of Pulumi.yaml, else the one of this host."""
    option = json_format.MessageToDict(info.options).get("virtualenv")
    return Path(info.root_directory, str(option)) if option else Path(sys.prefix)


def python(info: Any) -> Path:
    found = environment(info) / "bin" / "python"
    if not found.exists():
        raise FileNotFoundError(
            f"The 'virtualenv' option in Pulumi.yaml leads to {found.parent.parent}, where there is no Python. "
            "Run `make .venv`."
        )
    return found


def activated(info: Any) -> dict[str, str]:
    """As `activate` would leave the variables."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    virtual = environment(info)
    return {
        **variables,
        "VIRTUAL_ENV": str(virtual),
        "PATH": f"{virtual / 'bin'}{os.pathsep}{variables.get('PATH', '')}",
    }


def main() -> None:
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    host = LanguageHost(addresses[-1] if addresses else "")
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        # A stack's configuration may be larger than gRPC's default of 4 MiB.
        options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    print(port, flush=True)
    ended.wait()
    host.stop()
    server.stop(grace=0.2).wait(2)


if __name__ == "__main__":
    main()
