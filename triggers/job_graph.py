"""The graph of a job: its stages, one after the other, with their tasks counted by status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import azure.functions as func

from core.models.job import JobStatus
from core.workflow import Workflow
from infrastructure.repositories.job_views import JobViews
from triggers.application import Application
from triggers.http import choice, json_answer
from triggers.job_documents import progress_of
from triggers.job_graph_svg import GraphHeading, StageBox, picture
from triggers.job_ids import job_id_of
from triggers.job_urls import JobUrls
from triggers.problems import answers

Row = Mapping[str, Any]


class StageState(StrEnum):
    """What has become of a stage."""

    WAITING = "waiting"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StageNode:
    """One stage; a stage that has not opened yet has no tasks."""

    number: int
    name: str
    task_type: str
    state: StageState
    task_count: int | None
    counts: Mapping[str, int]
    opened_at: datetime | None = None
    closed_at: datetime | None = None


def add_graph(blueprint: func.Blueprint, app: Application) -> None:
    """`GET /api/jobs/{job_id}/dag`."""
    views, urls = JobViews(app.database), JobUrls.of(app)

    @blueprint.route(route="api/jobs/{job_id}/dag", methods=["GET"])
    @answers
    def job_graph(req: func.HttpRequest) -> func.HttpResponse:
        form = choice(req, "f", ["json", "mermaid", "svg"]) or "json"
        job, stages = views.job(job_id_of(req))
        workflow = app.workflows.get(job["job_type"])
        nodes, percent = stage_nodes(job, stages, workflow), progress_of(job, stages, workflow)
        if form == "mermaid":
            return func.HttpResponse(mermaid(nodes), mimetype="text/plain")
        if form == "svg":
            return _svg_answer(job, nodes, percent)
        return json_answer(_document(job, nodes, percent, urls=urls))


def stage_nodes(job: Row, stages: Sequence[Row], workflow: Workflow | None) -> list[StageNode]:
    """All stages of a job, those that have not opened included; they are named if the job type is known."""
    nodes = [
        StageNode(
            number=stage["number"],
            name=stage["name"],
            task_type=stage["task_type"],
            state=_state(job, stage, is_last_opened=stage is stages[-1]),
            task_count=stage["task_count"],
            counts=stage["counts"],
            opened_at=stage["opened_at"],
            closed_at=stage["closed_at"],
        )
        for stage in stages
    ]
    state = StageState.SKIPPED if JobStatus(job["status"]).is_terminal else StageState.WAITING
    declared = {stage.number: stage for stage in workflow.stages} if workflow else {}
    for number in range(len(nodes) + 1, job["total_stages"] + 1):
        stage = declared.get(number)
        name, task_type = (stage.name, stage.task_type) if stage else (f"stage {number}", "")
        nodes.append(StageNode(number, name, task_type, state, None, {}))
    return nodes


def _state(job: Row, stage: Row, *, is_last_opened: bool) -> StageState:
    if not is_last_opened or job["status"] == JobStatus.COMPLETED:
        return StageState.COMPLETED
    if job["status"] == JobStatus.CANCELLED:
        return StageState.CANCELLED
    if job["status"] == JobStatus.FAILED:
        # What failed may have been the plan of the next stage, or the summing up after the last.
        counts = stage["counts"]
        return StageState.FAILED if counts.get("failed") or counts.get("cancelled") else StageState.COMPLETED
    return StageState.PROCESSING if stage["status"] == "open" else StageState.COMPLETED


def mermaid(nodes: Sequence[StageNode]) -> str:
    """The graph in Mermaid's flowchart language."""
    lines = ["flowchart LR"]
    for node in nodes:
        counts = [f"{number} {status}" for status, number in sorted(node.counts.items())]
        label = "<br/>".join(_mermaid_text(text) for text in (f"{node.number} {node.name}", *counts))
        lines.append(f'    s{node.number}["{label}"]:::{node.state}')
    if len(nodes) > 1:
        lines.append("    " + " --> ".join(f"s{node.number}" for node in nodes))
    lines += [f"    classDef {state} {style}" for state, style in _MERMAID_STYLES.items()]
    return "\n".join(lines) + "\n"


_MERMAID_STYLES = {
    StageState.WAITING: "fill:#eceff1,stroke:#78909c,color:#263238",
    StageState.PROCESSING: "fill:#e3f2fd,stroke:#1565c0,color:#0d47a1",
    StageState.COMPLETED: "fill:#e8f5e9,stroke:#2e7d32,color:#1b5e20",
    StageState.FAILED: "fill:#ffebee,stroke:#c62828,color:#b71c1c",
    StageState.CANCELLED: "fill:#efebe9,stroke:#6d4c41,color:#3e2723",
    StageState.SKIPPED: "fill:#ffffff,stroke:#b0bec5,color:#607d8b",
}


def _mermaid_text(text: str) -> str:
    """Mermaid's entities are numbers between # and ; and everything else that could end a label is one."""
    return "".join(each if each.isalnum() or each in " _-.," else f"#{ord(each)};" for each in text)


def _document(job: Row, nodes: Sequence[StageNode], percent: int, *, urls: JobUrls) -> dict[str, Any]:
    url = urls.job(job["job_id"])
    return {
        "job_id": job["job_id"],
        "job_type": job["job_type"],
        "status": job["status"],
        "progress": percent,
        "nodes": [_node(node, tasks_url=urls.tasks(job["job_id"])) for node in nodes],
        "edges": [{"from": node.number, "to": node.number + 1} for node in nodes[:-1]],
        "links": [
            {"rel": "job", "href": url},
            {"rel": "alternate", "href": f"{url}/dag?f=svg", "type": "image/svg+xml"},
            {"rel": "alternate", "href": f"{url}/dag?f=mermaid", "type": "text/plain"},
        ],
    }


def _node(node: StageNode, *, tasks_url: str) -> dict[str, Any]:
    return {
        "number": node.number,
        "name": node.name,
        "task_type": node.task_type,
        "state": node.state.value,
        "task_count": node.task_count,
        "counts": dict(node.counts),
        "opened_at": node.opened_at.isoformat() if node.opened_at else None,
        "closed_at": node.closed_at.isoformat() if node.closed_at else None,
        "tasks_url": f"{tasks_url}?stage={node.number}" if node.task_count else None,
    }


def _svg_answer(job: Row, nodes: Sequence[StageNode], percent: int) -> func.HttpResponse:
    heading = GraphHeading(
        job_type=job["job_type"], job_id=job["job_id"], status=job["status"], percent=percent
    )
    boxes = [_box(node) for node in nodes]
    # Opened on its own, an SVG is a page: this one runs and loads nothing.
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return func.HttpResponse(picture(heading, boxes), mimetype="image/svg+xml", headers=headers)


def _box(node: StageNode) -> StageBox:
    seconds = (node.closed_at - node.opened_at).total_seconds() if node.closed_at and node.opened_at else None
    return StageBox(
        number=node.number,
        name=node.name,
        task_type=node.task_type,
        state=node.state.value,
        counts=node.counts,
        seconds=seconds,
    )
