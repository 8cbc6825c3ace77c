"""The list of tables and blobs that tasks have made (`core.ports.ArtefactLog`)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import psycopg

from infrastructure.queries import load

_SQL = load("artefacts")


class ArtefactRepository:
    """Statements on `app.artefacts` in the caller's transaction."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def stage(
        self, kind: str, location: str, *, job_id: str, task_id: str, attempt: int, temporary: bool = False
    ) -> None:
        """Announce a table or blob that is about to be made; a `temporary` one is never published."""
        values = {
            "kind": kind,
            "location": location,
            "job_id": job_id,
            "task_id": task_id,
            "attempt": attempt,
            "temporary": temporary,
        }
        self._connection.execute(_SQL["stage"], values)

    def abandoned(self, *, keep_failed: timedelta, limit: int) -> Sequence[Mapping[str, Any]]:
        """Lock artefacts that nobody will publish any more; those of what has failed are kept for a while."""
        values = {"limit": limit, "keep_failed": keep_failed}
        return self._connection.execute(_SQL["abandoned"], values).fetchall()

    def discard(self, artefact_id: int) -> None:
        """Note that the artefact is gone."""
        self._connection.execute(_SQL["discard"], {"artefact_id": artefact_id})
