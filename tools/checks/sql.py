"""Every named statement, read by PostgreSQL itself: `python -m tools.checks.sql`.

Runs the tests that do so on a private server. A parser of another make refuses statements that PostgreSQL
takes, and lets pass what names no column of ours.
"""

import subprocess
import sys

from _paths import ROOT

_TESTS = "tests/integration/house/test_statements.py"


def main() -> int:
    """pytest's own exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", _TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
