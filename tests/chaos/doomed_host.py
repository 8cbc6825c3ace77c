"""A laboratory whose host dies on order, and the clients that do not let that disturb them."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests
from azure.storage.blob import BlobServiceClient

from tests.rasters import write_geotiff
from tests.vectors import geojson, points
from tools.lab.crashes import CrashOrder
from tools.lab.invariants import broken_invariants
from tools.lab.laboratory import Laboratory
from tools.lab.stumbling import Stumble

TASKS = 3  # in each stage
Seen = TypeVar("Seen")

# What is not as it must be when all has come to rest: nothing promised, nothing staged, nothing twice.
_UNREST = {
    "promised messages": "SELECT count(*) FROM app.outbox",
    "staged artefacts": "SELECT count(*) FROM app.artefacts WHERE state = 'staged'",
    "staged tables": "SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'",
    "jobs at work": "SELECT count(*) FROM app.jobs WHERE status IN ('queued', 'processing')",
    "effects doubled": "SELECT count(*) - count(DISTINCT task_id) FROM ledger.effects",
    "stages opened twice": "SELECT count(*) - count(DISTINCT (job_id, stage)) FROM ledger.advances",
    "tasks of completed jobs without effect": """
        SELECT count(*) FROM app.tasks t JOIN app.jobs j USING (job_id) WHERE j.status = 'completed'
        AND NOT EXISTS (SELECT 1 FROM ledger.effects e WHERE e.task_id = t.task_id)""",
    "completed requests without a published dataset": """
        SELECT count(*) FROM platform.requests r WHERE r.status = 'completed'
        AND NOT EXISTS (SELECT 1 FROM app.artefacts a JOIN app.jobs j USING (job_id)
                        WHERE j.platform_request_id = r.request_id AND a.state = 'published')""",
}


class DoomedHost:
    """What a case does with the laboratory. `order_file` is where its host looks for orders to die."""

    def __init__(self, laboratory: Laboratory, order_file: Path, scratch: Path) -> None:
        self.laboratory = laboratory
        self._order_file = order_file
        self._scratch = scratch
        self.remembered = ""

    def doom(self, name: str, *, visit: int) -> None:
        """Let the host die at its next visit, or the `visit`th, to this crash point."""
        self._order_file.with_suffix(".done").unlink(missing_ok=True)
        CrashOrder(name, visit).place(self._order_file)

    @property
    def has_died(self) -> bool:
        """Whether the order has been carried out."""
        return self._order_file.with_suffix(".done").exists()

    def remember(self, job_id: str) -> None:
        """Keep an id from the preparation for the work."""
        self.remembered = job_id

    # What clients do. A request that got no answer is sent again: each may be repeated.

    def submit_three_stages(self, *, milliseconds: int = 10) -> str:
        body = {"run": uuid.uuid4().hex, "tasks": TASKS, "milliseconds": milliseconds}
        return str(self.order("api/jobs/submit/lab_three_stages", body)["job_id"])

    def submit_stumbling(self, stumble: Stumble) -> str:
        body = {"run": uuid.uuid4().hex, "stumble": stumble.value}
        return str(self.order("api/jobs/submit/lab_stumbling", body)["job_id"])

    def submit_request(self, data_type: str) -> str:
        """Submit a small file; the request's id."""
        name, content = self._file(data_type)
        body: dict[str, Any] = {
            "dataset_id": f"d-{uuid.uuid4().hex[:8]}",
            "resource_id": "resource",
            "version_id": "v1.0",
            "request_type": "raster" if data_type == "raster" else "vector",
            "source_path": self._upload(name, content),
            "processing_config": {},
        }
        return str(self.order("platform/submit", body)["request_id"])

    def order(self, route: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST until there is an answer; an order that was carried out before answers 409."""
        url = f"{self.laboratory.stack.public_base_url}/{route}"
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = requests.post(url, json=body or {}, timeout=30)
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            assert answer.status_code in (200, 201, 202, 409), answer.text
            return dict(answer.json()) if answer.content else {}

    def leave_promise_behind(self, job_id: str) -> None:
        """Put a due message into the outbox that no relay has been told of."""
        self.laboratory.query(
            """INSERT INTO app.outbox (queue, body, send_after) VALUES ('geospatial-jobs', jsonb_build_object(
               'schema_version', 1, 'message_type', 'job_submit', 'job_id', %s::text), now()) RETURNING id""",
            job_id,
        )

    def failed_task(self, job_id: str) -> str:
        """The id of the task that failed."""
        statement = "SELECT task_id FROM app.tasks WHERE job_id = %s AND status = 'failed'"
        return str(self.laboratory.query(statement, job_id)[0][0])

    def _file(self, data_type: str) -> tuple[str, bytes]:
        if data_type == "raster":
            return "small.tif", write_geotiff(self._scratch / f"{uuid.uuid4().hex}.tif").read_bytes()
        return "small.geojson", geojson(points(5)) if data_type == "vector" else b'{"type": "Feature'

    def _upload(self, name: str, content: bytes) -> str:
        path = f"{uuid.uuid4().hex[:8]}/{name}"
        connection_string = self.laboratory.stack.azurite.connection_string
        with BlobServiceClient.from_connection_string(connection_string) as service:
            service.get_container_client("bronze").upload_blob(path, content)
        return f"bronze/{path}"

    # What must come of it.

    def expect_job(self, job_id: str, status: str) -> None:
        """The job ends so, without anybody's help."""
        self._expect("SELECT status, error FROM app.jobs WHERE job_id = %s", job_id, status)

    def expect_request(self, request_id: str, status: str) -> None:
        """The request ends so, without anybody's help."""
        statement = "SELECT status, error FROM platform.requests WHERE request_id = %s"
        self._expect(statement, request_id, status)

    def _expect(self, statement: str, identifier: str, status: str) -> None:
        ((found, error),) = wait_for(
            lambda: self.laboratory.query(statement, identifier), until=lambda rows: rows[0][0] == status
        )
        assert found == status, f"{found}, not {status}: {error}"

    def unrest(self) -> dict[str, Any]:
        """What has not come to rest, or is not as it must be."""
        counts = {what: self.laboratory.query(statement)[0][0] for what, statement in _UNREST.items()}
        broken = broken_invariants(self.laboratory.stack.database.urls().admin)
        return {**{what: count for what, count in counts.items() if count}, **broken}


def wait_for(look: Callable[[], Seen], *, until: Callable[[Seen], bool], seconds: float = 240) -> Seen:
    """What is seen as soon as it is what was waited for, or when the time is over.

    It is long because a busy machine may take 45 s to the place of death, and then once more.
    """
    deadline = time.monotonic() + seconds
    while not until(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen
