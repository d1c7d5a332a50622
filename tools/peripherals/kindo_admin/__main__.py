"""python -m tools.peripherals.kindo_admin --host H --port P --database FILE; keys in KINDO_ADMIN_API_KEY."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from tools.peripherals.kindo_admin import NAME
from tools.peripherals.kindo_admin.app import create_app
from tools.peripherals.kindo_admin.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.peripherals.kindo_admin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--database", type=Path, help="SQLite file; without it the rows are lost at the end")
    parser.add_argument("--faults", action="store_true", help="let tests plan faults (POST /stand-in/faults)")
    options = parser.parse_args()
    keys = [key for key in os.environ.get("KINDO_ADMIN_API_KEY", "").split(",") if key]
    if not keys:
        parser.error("KINDO_ADMIN_API_KEY is empty: it holds the keys that are let in, separated by commas")
    print("Stand-in of the Kindo admin API (mapping assumed-2026.09); not Kindo's software", flush=True)
    app = create_app(Store(options.database), keys, faults=options.faults)
    uvicorn.run(
        app, host=options.host, port=options.port, server_header=False, headers=[("Server", NAME)], lifespan="off"
    )


if __name__ == "__main__":
    main()
