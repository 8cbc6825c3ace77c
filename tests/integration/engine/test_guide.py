"""The guide "Add a job type" is true: its code blocks run, in order, on the engine."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import jobs.registry
import services.registry
from core.leases import HeldLease
from core.models.job import JobStatus
from core.models.task import ClaimedTask
from core.registry import Registry, validate_registries
from services.context import TaskContext
from tests.integration.engine.machine_under_test import Engine
from tools.stack.database import DatabaseUrls

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "add-a-job-type.md"


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the guide's code defines, registered in registries of the test's own."""
    monkeypatch.setattr(jobs.registry, "ALL_JOBS", Registry())
    monkeypatch.setattr(services.registry, "ALL_HANDLERS", Registry())
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL))
    names: dict[str, Any] = {"__name__": "the_guide"}
    exec(compile(code, str(GUIDE), "exec"), names)
    return names


def test_the_guides_job_runs(guide: dict[str, Any], database_urls: DatabaseUrls, tmp_path: Path) -> None:
    validate_registries(jobs.registry.ALL_JOBS, services.registry.ALL_HANDLERS)

    @contextmanager
    def context(claimed: ClaimedTask, lease: HeldLease) -> Iterator[TaskContext]:
        yield TaskContext(
            job_id=claimed.job_id,
            task_id=claimed.task_id,
            attempt=claimed.attempt,
            open_workspace=lambda: tmp_path,
            storage=None,  # type: ignore[arg-type]
            vectors=None,  # type: ignore[arg-type]
            artefacts=None,  # type: ignore[arg-type]
            report=lease.report,
            is_cancelled=lease.lost.is_set,
        )

    engine = Engine(
        database_urls.app,
        job=guide["CountBlobsJob"],
        handlers=services.registry.ALL_HANDLERS,
        context_factory=context,
    )
    job_id = engine.jobs.submit("count_blobs", {"sizes_bytes": [10, 2_000_000, 20]}).job_id
    engine.run()
    assert (engine.job(job_id).status, engine.job(job_id).result) == (
        JobStatus.COMPLETED,
        {"small": 2, "large": 1},
    )
    wrong = engine.jobs.submit("count_blobs", {"sizes_bytes": [-1]}).job_id
    engine.run()
    error = engine.job(wrong).error
    assert error is not None
    assert (error.code, error.remedy) == ("SIZE_INVALID", "Give sizes in bytes.")
    engine.database.close()
