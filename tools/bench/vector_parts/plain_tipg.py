"""tipg as its documentation sets it up, under uvicorn, on the platform's own database."""

from pathlib import Path

from tools.bench.measuring.uvicorn_app import UvicornApp
from tools.stack.state import StateDirectory


def plain_tipg(*, state: StateDirectory, root: Path, processes: int, database_url: str) -> UvicornApp:
    """tipg's own app on the published tables."""
    return UvicornApp(
        "tipg.main:app",
        name="tipg",
        state=state,
        root=root,
        processes=processes,
        environment={"DATABASE_URL": database_url, "TIPG_DB_SCHEMAS": '["geo"]'},
    )
