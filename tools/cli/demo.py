"""`./dev demo`: from two files to working URLs, through the platform's front door."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from tools.cli.checkout import ROOT, the_stack
from tools.cli.console import console
from tools.cli.demo_checks import Check, Finding, raster_checks, run_checks, vector_checks
from tools.cli.demo_sources import make_sources
from tools.cli.platform_client import PlatformClient, RequestStatus, Submission
from tools.cli.stack_commands import bring_up
from tools.cli.submit_command import show_outcome
from tools.cli.uploads import upload
from tools.cli.watching import watch_until_ended
from tools.stack.stack import Stack

_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One file of the demo: what is asked for, and what must come of it."""

    file: Path
    blob_name: str
    submission: Submission
    checks: list[Check]


def run_demo(*, stop: bool) -> int:
    """Publish and check. The exit code: 0 when all is as it should be."""
    started = time.monotonic()
    stack = the_stack()
    try:
        bring_up(stack)
        all_well = _publish_and_check(stack)
        if not stop:
            console.print(f"\nLook at it: [bold]{stack.public_base_url}/[/]\n")
    finally:
        if stop:
            console.print(f"\nStopped {', '.join(stack.down())}")
    verdict = "[bold green]All is well[/]" if all_well else "[bold red]Something is wrong, see above[/]"
    console.print(f"{verdict} ({time.monotonic() - started:.1f} s)")
    return 0 if all_well else 1


def _publish_and_check(stack: Stack) -> bool:
    exhibits = make_exhibits()
    with PlatformClient(stack.public_base_url) as client:
        urls = {exhibit.submission.name: submit(exhibit, client=client, stack=stack) for exhibit in exhibits}
        ended = watch_until_ended(urls, client=client, stack=stack, patience_seconds=_PATIENCE_SECONDS)
        verdicts = [examine(exhibit, ended[exhibit.submission.name], client=client) for exhibit in exhibits]
    stack.raise_if_crashed()
    return all(verdicts)


def make_exhibits() -> list[Exhibit]:
    """Both files of the demo."""
    sources = make_sources(ROOT, ROOT / ".local" / "demo")
    countries, blue_marble = (f"demo/{file.name}" for file in (sources.countries, sources.blue_marble))
    return [
        Exhibit(
            sources.countries,
            countries,
            Submission("natural-earth", "countries", "v1", "vector", f"bronze/{countries}"),
            vector_checks(feature_count=sources.country_count),
        ),
        Exhibit(
            sources.blue_marble,
            blue_marble,
            Submission("nasa", "blue-marble", "v1", "raster", f"bronze/{blue_marble}"),
            raster_checks(known_pixel=sources.known_pixel),
        ),
    ]


def submit(exhibit: Exhibit, *, client: PlatformClient, stack: Stack) -> str:
    """Upload and submit; the URL to poll. What is published already is recognised, and costs nothing."""
    upload(exhibit.file, blob_name=exhibit.blob_name, connection_string=stack.azurite.connection_string)
    ticket = client.submit(exhibit.submission)
    known = ", known already" if ticket.replayed else ""
    console.print(
        f"POST /platform/submit  {exhibit.submission.name}: request {ticket.request_id}{known}",
        soft_wrap=True,
    )
    return ticket.status_url


def examine(exhibit: Exhibit, status: RequestStatus, *, client: PlatformClient) -> bool:
    """Fetch everything that was promised, and show what was seen."""
    if status.status != "completed":
        show_outcome(exhibit.submission.name, status)
        return False
    findings = list(run_checks(exhibit.checks, endpoints=status.endpoints, client=client))
    _show(exhibit.submission.name, findings)
    return all(finding.passed for finding in findings)


def _show(title: str, findings: list[Finding]) -> None:
    """Lines, not a table: URLs must stay whole to be clicked on."""
    console.print(f"\n[bold]{title}[/]")
    for finding in findings:
        mark = "[green]ok   [/]" if finding.passed else "[bold red]wrong[/]"
        console.print(f"  {mark} {finding.what:16} {escape(finding.detail)}", soft_wrap=True)
        console.print(f"  {'':22} [dim]{escape(finding.url)}[/]", soft_wrap=True)
