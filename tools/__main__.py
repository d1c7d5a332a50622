"""`python -m tools COMMAND`: what the Makefile's targets do. What a user can mend is said without a traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (help_text, _) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name == "test":
            command.add_argument("--soak", action="store_true", help="the long runs")
            command.add_argument("pytest", nargs="*", help="arguments for pytest")
    options = parser.parse_args(arguments)
    from tools.errors import expected_errors

    try:
        return COMMANDS[options.command][1](options) or 0
    except expected_errors() as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130


def _setup(_: argparse.Namespace) -> None:
    from tools import setup

    setup.run()


def _up(_: argparse.Namespace) -> int:
    from tools import local

    return local.up()


def _status(_: argparse.Namespace) -> int:
    from tools import local

    return local.status()


def _env(_: argparse.Namespace) -> None:
    from tools import local

    print(local.shell_exports())


def _down(_: argparse.Namespace) -> None:
    from tools import local

    local.down()


def _clean(_: argparse.Namespace) -> None:
    from tools import local

    local.clean()


def _test(options: argparse.Namespace) -> int:
    from tools import testing

    return testing.run(options.pytest, soak=options.soak)


COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace], int | None]]] = {
    "setup": ("build or fetch everything that is pinned", _setup),
    "up": ("cluster, servers beside it, and the stack local", _up),
    "status": ("what runs", _status),
    "env": ("exports for a shell", _env),
    "down": ("stop everything", _down),
    "clean": ("stop everything and remove state, images, binaries", _clean),
    "test": ("all tests", _test),
}

if __name__ == "__main__":
    sys.exit(main())
