"""Workers and cold starts do not pay for the serving libraries."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("titiler", "tipg", "stac_fastapi", "rio_tiler", "fastapi", "asyncpg")


def test_the_routes_come_without_the_libraries() -> None:
    program = (
        "import _paths, sys, triggers.serving.routes;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
