"""Command line: ``python -m tools.functions_host --root DIR [--host H] [--port N] …``."""

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from tools.functions_host.errors import ExitCode, HostError
from tools.functions_host.logs import configure_logging
from tools.functions_host.options import HostOptions
from tools.functions_host.settings import positive_int, read_local_settings
from tools.functions_host.supervisor import Supervisor

MAX_WORKERS = 10
"""Azure's own limit for FUNCTIONS_WORKER_PROCESS_COUNT."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.functions_host", description=__doc__)
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="folder of function_app.py and host.json"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7071, help="0 picks a free port")
    parser.add_argument("--settings", type=Path, help="instead of ROOT/local.settings.json")
    parser.add_argument("--keys", type=Path, help="JSON file of access keys; without it no key is asked for")
    parser.add_argument("--timer-state", type=Path, help="file that remembers timers over restarts")
    parser.add_argument(
        "--drain-seconds", type=float, default=30.0, help="grace for running functions at the end"
    )
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    return parser


def _options(arguments: argparse.Namespace) -> HostOptions:
    def absolute(path: Path | None) -> Path | None:
        return path.resolve() if path else None

    return HostOptions(
        root=arguments.root.resolve(),
        host=arguments.host,
        port=arguments.port,
        settings_file=absolute(arguments.settings),
        keys_file=absolute(arguments.keys),
        timer_state_file=absolute(arguments.timer_state),
        drain_seconds=arguments.drain_seconds,
        log_format=arguments.log_format,
    )


def _worker_count(options: HostOptions) -> int:
    values = read_local_settings(options.root, options.settings_file).values
    return positive_int(
        {**values, **os.environ}, "FUNCTIONS_WORKER_PROCESS_COUNT", default=1, maximum=MAX_WORKERS
    )


def main() -> int:
    """Run the host; 0 after an orderly stop, 3 when it could not start."""
    try:
        options = _options(_parser().parse_args())
        configure_logging(options.log_format, worker="parent")
        return Supervisor(options, count=_worker_count(options)).run()
    except (HostError, ValidationError) as exc:
        print(f"functions host: {exc}", file=sys.stderr, flush=True)
        return ExitCode.START_FAILED


if __name__ == "__main__":
    sys.exit(main())
