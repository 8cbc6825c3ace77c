"""The report as one HTML document: no script, nothing to load, and nothing unescaped."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from geo_platform.models import ReportAnswer, StatusAnswer, StepReport
from geo_platform.places import missing_warning
from geo_platform.stac_builder import union
from geo_platform.states import DataType
from triggers.reporting import charts, figures, wording
from triggers.reporting.details import details, named
from triggers.reporting.files import files_in
from triggers.reporting.links import collection_links, dataset_links
from triggers.reporting.map_frame import map_frame
from triggers.reporting.quality import ReportedRaster, ReportedTable, rasters_in, tables_in
from triggers.reporting.rasters import raster_views
from triggers.reporting.tables import table_views
from triggers.reporting.verdict import verdict

_FOLDER = Path(__file__).parent / "templates"
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Page:
    """The document, and the headers that keep a browser from loading or running anything for it."""

    html: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Step:
    """A job of the chain."""

    name: str
    state: str
    took: str


def report_page(report: ReportAnswer, status: StatusAnswer) -> Page:
    """The page of a request: what the report says, with the name and the addresses that the status has."""
    return Page(_templates().get_template("report.html").render(_content(report, status)), _headers())


def _content(report: ReportAnswer, status: StatusAnswer) -> dict[str, Any]:
    is_vector = report.data_type is DataType.VECTOR
    tables = tables_in(report.processing) if is_vector else ()
    rasters = () if is_vector else rasters_in(report.processing, report.validation)
    return {
        "title": " · ".join(status.identifiers.values()) or status.collection_id,
        "report": report,
        "status": status,
        "verdict": verdict(report, tables, message=status.message),
        "meta": tuple(_meta(report, status)),
        "split": _split(tables),
        "map": map_frame(_bbox(report, rasters), _footprints(tables)),
        "links": tuple(dataset_links(report, status)),
        "layer_links": collection_links(status, count=len(tables)),
        "mosaic_links": collection_links(status, count=len(rasters)),
        "findings": sorted(report.findings, key=_by_severity),
        "warnings": tuple(_warnings(report)),
        "details": tuple(details(report.error.context if report.error else {})),
        "tables": table_views(tables),
        "rasters": raster_views(rasters),
        "missing": () if tables else tuple(details({"missing": report.missing.parts})),
        "files": tuple(files_in(report.derived)),
        "steps": tuple(map(_step, report.steps)),
        "source": tuple(named(report.source or {})),
        "options": tuple(sorted(named(report.processing_config, is_code=True))),
    }


def _meta(report: ReportAnswer, status: StatusAnswer) -> Iterator[tuple[str, str]]:
    yield "Type", report.data_type.value.replace("_", " ")
    yield "Revision", str(status.revision)
    yield "Submitted", figures.moment(status.created_at)
    if status.completed_at:
        yield "Ended", figures.moment(status.completed_at)
    yield "Request", report.request_id


def _split(tables: Sequence[ReportedTable]) -> charts.Split | None:
    """Of all tables together."""
    if not tables:
        return None
    loaded, rejected = (
        sum(table.feature_count for table in tables),
        sum(table.rejected_count for table in tables),
    )
    return charts.split(loaded, rejected, noun="feature")


def _bbox(report: ReportAnswer, rasters: Sequence[ReportedRaster]) -> Sequence[float] | None:
    if boxes := [raster.bbox for raster in rasters if raster.bbox]:
        return union(boxes)
    found: Sequence[float] | None = (report.processing or {}).get("bbox")
    return found


def _footprints(tables: Sequence[ReportedTable]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(table.title, table.footprint) for table in tables if table.footprint]


def _warnings(report: ReportAnswer) -> Iterator[str]:
    """Those that are no findings, and do not only point at the report."""
    told = {finding.message for finding in report.findings}
    if report.processing and report.missing.count:
        told.add(missing_warning(report.processing))
    yield from (text for text in report.warnings if text not in told)


def _by_severity(finding: Any) -> int:
    return _SEVERITIES.index(finding.severity) if finding.severity in _SEVERITIES else len(_SEVERITIES)


def _step(step: StepReport) -> _Step:
    state = (
        f"skipped: {step.skipped}" if step.skipped else str(step.status.value if step.status else "waiting")
    )
    took = "" if step.seconds is None else figures.duration(step.seconds)
    return _Step(wording.sentence(step.job_type), state, took)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _headers() -> Mapping[str, str]:
    style = _templates().get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
            " form-action 'none'; frame-ancestors 'self'"
        ),
    }
