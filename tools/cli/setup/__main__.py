"""Set the checkout up, printing a line for each step that had something to do."""

import sys
from pathlib import Path

from tools.cli.setup.commands import SetupFailed
from tools.cli.setup.plan import run_setup

if __name__ == "__main__":
    try:
        run_setup(Path(__file__).resolve().parents[3], retry_failed=True)
    except SetupFailed as failure:
        sys.exit(f"\n{failure}")
