"""The first thing that the page says: whether the data are published, and what is to be known about it."""

from dataclasses import dataclass
from typing import Literal

from geo_platform.models import ReportAnswer
from geo_platform.states import RequestStatus
from triggers.reporting import figures
from triggers.reporting.quality import ReportedTable

Tone = Literal["good", "fair", "bad", "busy"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A headline, what it means, and what to do; `code` is of the error."""

    tone: Tone
    headline: str
    text: str = ""
    remedy: str = ""
    code: str = ""


def verdict(report: ReportAnswer, tables: tuple[ReportedTable, ...], *, message: str | None) -> Verdict:
    """By the state of the request, then by what is missing, then by what was found."""
    if report.error is not None or report.status is RequestStatus.FAILED:
        return _failed(report)
    if report.status is not RequestStatus.COMPLETED:
        return Verdict("busy", "Not finished yet", message or "The report grows as the steps end.")
    rejected = sum(table.rejected_count for table in tables)
    loaded = sum(table.feature_count for table in tables)
    if rejected:
        headline = f"Published, without {figures.counted(rejected, 'feature')}"
        text = (
            f"{figures.whole(loaded)} of {figures.counted(loaded + rejected, 'feature')} are served;"
            f" {figures.share(rejected, loaded + rejected)} were rejected, for the reasons below."
        )
        return Verdict("fair", headline, text, "Download the rejected features, correct them, submit again.")
    if report.missing.count:
        headline = f"Published, without {figures.counted(report.missing.count, 'part')}"
        return Verdict("fair", headline, "Their places stay empty; they are named below.")
    return _published(report, loaded, is_vector=bool(tables))


def _published(report: ReportAnswer, loaded: int, *, is_vector: bool) -> Verdict:
    whole = f"All {figures.counted(loaded, 'feature')} of the source are served." if loaded != 1 else ""
    text = whole if is_vector else ""
    warnings = sum(finding.severity != "info" for finding in report.findings)
    if warnings:
        return Verdict("fair", f"Published, with {figures.counted(warnings, 'warning')}", text)
    return Verdict("good", "Published", text)


def _failed(report: ReportAnswer) -> Verdict:
    error = report.error
    if error is None:
        return Verdict("bad", "Not published")
    return Verdict("bad", "Not published", error.message, error.remedy, error.code)
