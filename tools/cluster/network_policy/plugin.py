"""CNI plugin, last of the chain: announce a pod's address to the enforcer and wait until its rules are in force.

Standard library only; installed with an interpreter line (`-IS`) by tools.cluster.node.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

# The enforcer may be starting (or starting again) while kubelet already sets up pods.
PATIENCE_SECONDS = 20


def main() -> int:
    command = os.environ.get("CNI_COMMAND", "")
    if command == "VERSION":
        return answer({"cniVersion": "0.4.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0"]})
    settings = json.load(sys.stdin)
    if command == "CHECK":
        return 0
    arguments = dict(part.partition("=")[::2] for part in os.environ.get("CNI_ARGS", "").split(";"))
    call = {
        "command": command,
        "container": os.environ["CNI_CONTAINERID"],
        "namespace": arguments.get("K8S_POD_NAMESPACE", ""),
        "name": arguments.get("K8S_POD_NAME", ""),
        "uid": arguments.get("K8S_POD_UID", ""),
    }
    if command == "DEL":
        try:
            ask(settings["socket"], call, patience=0)
        except OSError:
            pass  # the enforcer forgets pods that the API server no longer has
        return 0
    result = settings["prevResult"]
    call["address"] = result["ips"][0]["address"].partition("/")[0]
    try:
        reply = ask(settings["socket"], call, patience=PATIENCE_SECONDS)
    except (OSError, ValueError) as error:
        reply = f"the NetworkPolicy enforcer does not answer: {error}"
    if reply != "ok":
        return answer({"cniVersion": settings["cniVersion"], "code": 11, "msg": reply}, failed=True)
    return answer({**result, "cniVersion": settings["cniVersion"]})


def ask(path: str, call: dict[str, str], patience: float) -> str:
    """Send one call; try again while nobody listens."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(path)
                connection.sendall(json.dumps(call).encode() + b"\n")
                with connection.makefile() as lines:
                    if line := lines.readline():
                        return line.strip()
                raise ConnectionResetError("it closed the connection")
        except (ConnectionError, FileNotFoundError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def answer(content: dict[str, object], failed: bool = False) -> int:
    json.dump(content, sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
