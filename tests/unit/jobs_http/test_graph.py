"""The picture of a job: well formed, harmless, and small however many tasks there are."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest

from core.models.stage import Stage
from core.workflow import Workflow
from triggers.job_graph import StageNode, StageState, mermaid, stage_nodes
from triggers.job_graph_svg import GraphHeading, StageBox, picture

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEADING = GraphHeading(job_type="process_raster", job_id="0" * 64, status="processing", percent=42)
NASTY = "</title><script>alert(1)</script>\x01&\"'"


def job(**changes: Any) -> dict[str, Any]:
    return {"status": "processing", "total_stages": 3, **changes}


def stage(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "name": f"s{number}",
        "task_type": "t",
        "status": "open",
        "task_count": 1,
        "counts": {"queued": 1},
        "opened_at": NOW,
        "closed_at": None,
        **changes,
    }


def states(job: dict[str, Any], *stages: dict[str, Any]) -> list[str]:
    return [node.state.value for node in stage_nodes(job, stages, None)]


@pytest.mark.parametrize(
    ("changes", "last", "expected"),
    [
        ({}, {}, ["completed", "processing", "waiting"]),
        ({}, {"status": "closed"}, ["completed", "completed", "waiting"]),
        ({"status": "failed"}, {"counts": {"failed": 1}}, ["completed", "failed", "skipped"]),
        ({"status": "failed"}, {"counts": {"completed": 1}}, ["completed", "completed", "skipped"]),
        ({"status": "cancelled"}, {"counts": {"cancelled": 1}}, ["completed", "cancelled", "skipped"]),
        ({"status": "completed", "total_stages": 2}, {"status": "closed"}, ["completed", "completed"]),
    ],
)
def test_the_state_of_each_stage(changes: dict[str, Any], last: dict[str, Any], expected: list[str]) -> None:
    assert states(job(**changes), stage(1), stage(2, **last)) == expected


def test_stages_to_come_have_their_names_if_the_job_type_is_known() -> None:
    stages = (Stage(1, "plan", "a"), Stage(2, "work", "b"))
    workflow = cast("Workflow", SimpleNamespace(stages=stages))
    nodes = stage_nodes(job(status="queued"), [], workflow)
    assert [(node.name, node.task_type, node.state) for node in nodes] == [
        ("plan", "a", StageState.WAITING),
        ("work", "b", StageState.WAITING),
        ("stage 3", "", StageState.WAITING),
    ]


def box(**changes: Any) -> StageBox:
    values: dict[str, Any] = {
        "number": 1,
        "name": "extract",
        "task_type": "extract_tile",
        "state": "processing",
        "counts": {"completed": 3, "failed": 1},
        "seconds": None,
    }
    return StageBox(**{**values, **changes})


def elements(svg: str, tag: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def test_names_cannot_break_out() -> None:
    heading = GraphHeading(job_type=NASTY, job_id=NASTY, status=NASTY, percent=0)
    svg = picture(heading, [box(name=NASTY, task_type=NASTY)])
    assert {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()} == {
        "svg",
        "title",
        "rect",
        "g",
        "text",
        "circle",
    }


@pytest.mark.parametrize("counts", [{"completed": 24}, {"completed": 20, "failed": 4}])
def test_few_tasks_are_drawn_one_by_one(counts: dict[str, int]) -> None:
    squares = [
        rect for rect in elements(picture(HEADING, [box(counts=counts)]), "rect") if rect.get("rx") == "2"
    ]
    assert len(squares) == 24


@pytest.mark.parametrize("counts", [{"completed": 100_000}, {"completed": 99_999, "failed": 1}])
def test_many_tasks_are_a_bar_in_which_every_status_is_seen(counts: dict[str, int]) -> None:
    svg = picture(HEADING, [box(counts=counts)])
    assert len(svg) < 4000
    parts = [rect for rect in elements(svg, "rect") if rect.get("height") == "10"]
    widths = [float(part.get("width", "0")) for part in parts]
    assert len(widths) == len(counts)
    assert min(widths) > 2
    assert sum(widths) == pytest.approx(180, abs=0.2)


def test_nothing_stands_outside_the_picture() -> None:
    counts = dict.fromkeys(
        ("completed", "failed", "cancelled", "processing", "pending_retry", "queued", "pending_queue"), 1000
    )
    svg = picture(HEADING, [box(number=n, counts=counts if n == 2 else {}) for n in range(1, 9)])
    width, height = map(float, ET.fromstring(svg).get("viewBox", "").split()[2:])
    for group in elements(svg, "g"):
        left, top = map(float, re.findall(r"[\d.]+", group.get("transform", "")))
        for rect in group.iter("{http://www.w3.org/2000/svg}rect"):
            assert left + float(rect.get("x", "0")) + float(rect.get("width", "")) <= width
        bottoms = [top + float(text.get("y", "")) for text in group.iter("{http://www.w3.org/2000/svg}text")]
        assert max(bottoms) < height


def test_mermaid_labels_cannot_end_early() -> None:
    node = StageNode(1, 'a"] --> x;<b>#', "t", StageState.WAITING, 1, {"queued": 1})
    after = StageNode(2, "b", "t", StageState.SKIPPED, None, {})
    text = mermaid([node, after])
    lines = text.splitlines()
    assert lines[1] == '    s1["1 a#34;#93; --#62; x#59;#60;b#62;#35;<br/>1 queued"]:::waiting'
    assert lines[3] == "    s1 --> s2"


def test_a_stage_says_how_long_it_took() -> None:
    texts = {}
    for seconds in (0.25, 12.34, 75, 4000):
        svg = picture(HEADING, [box(state="completed", seconds=seconds)])
        (texts[seconds],) = [
            text.text for text in elements(svg, "text") if (text.text or "").startswith("completed ·")
        ]
    assert list(texts.values()) == [
        "completed · 250 ms",
        "completed · 12.3 s",
        "completed · 1 min 15 s",
        "completed · 1 h 6 min",
    ]
