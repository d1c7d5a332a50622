"""Record what a vLLM release's real command line answers to the argument lists in cases.json.

The answers are the golden data of the shim's Go tests, so that the shim is held to vLLM's behaviour, not to our
reading of it. Runs in the environment that README.md beside this file describes.

    python record_cases.py cases.json ../testdata/vllm-0.33.0.json
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

from vllm.entrypoints.cli import main as cli
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.entrypoints.common.cli_args import validate_api_server_args

PARSED = [
    "model", "served_model_name", "host", "port", "api_key", "max_model_len", "tensor_parallel_size", "max_num_seqs",
    "seed", "runner", "convert", "enable_auto_tool_choice", "tool_call_parser", "enable_chunked_prefill",
    "enable_prefix_caching", "trust_remote_code", "dtype", "gpu_memory_utilization", "shutdown_timeout", "hf_overrides",
]  # fmt: skip


def accepted(args) -> None:
    """Stands where `vllm serve` starts its server; runs the checks that come first there."""
    if args.model_tag is not None:
        args.model = args.model_tag
    validate_api_server_args(args)
    print(json.dumps({name: getattr(args, name) for name in PARSED}), file=sys.stdout)


def answer(arguments: list[str]) -> dict:
    sys.argv = ["vllm", "serve", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
            code, message = 0, ""
        except SystemExit as stop:
            code = stop.code
            message = err.getvalue().strip().splitlines()[-1] if err.getvalue().strip() else ""
            if "error: " in err.getvalue():
                message = err.getvalue()[err.getvalue().index("error: ") :].strip()
        except Exception as error:  # vLLM ends with a traceback, which Python turns into exit code 1
            code, message = 1, f"{type(error).__name__}: {error}"
    result = {"arguments": arguments, "code": code}
    if code == 0:
        result["parsed"] = json.loads(out.getvalue().strip().splitlines()[-1])
    else:
        result["message"] = message
    return result


def main() -> None:
    ServeSubcommand.cmd = staticmethod(accepted)
    cases = json.loads(Path(sys.argv[1]).read_text())
    output = Path(sys.argv[2])
    results = [answer(arguments) for arguments in cases]
    output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
