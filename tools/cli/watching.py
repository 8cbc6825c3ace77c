"""Progress bars for requests, until all have ended or a part of the stack crashes."""

import time
from collections.abc import Mapping

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tools.cli.console import console
from tools.cli.platform_client import PlatformClient, PlatformUnreachable, RequestStatus
from tools.stack.errors import StackError
from tools.stack.stack import Stack

_POLL_SECONDS = 0.4
_SILENCE_SECONDS = 60.0


def watch_until_ended(
    status_urls: Mapping[str, str], *, client: PlatformClient, stack: Stack, patience_seconds: float = 3600
) -> dict[str, RequestStatus]:
    """The last status of each request, by the name it is shown under.

    A platform that does not answer is given a minute to come back, unless a part of the stack has
    crashed: that raises PartCrashed at once. StackError when the patience is over.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + patience_seconds
    with Progress(*columns, TextColumn("{task.fields[state]}"), console=console) as progress:
        bars = {name: progress.add_task(name, total=100, state="") for name in status_urls}
        ended: dict[str, RequestStatus] = {}
        while len(ended) < len(status_urls):
            for name in status_urls.keys() - ended.keys():
                status = _ask(client, status_urls[name], stack=stack)
                _show(progress, bars[name], status)
                if status.ended:
                    ended[name] = status
            if time.monotonic() > deadline:
                raise StackError(
                    f"not ended after {patience_seconds:.0f} s: {status_urls.keys() - ended.keys()}"
                )
            if len(ended) < len(status_urls):
                time.sleep(_POLL_SECONDS)
    return ended


def _ask(client: PlatformClient, url: str, *, stack: Stack) -> RequestStatus:
    deadline = time.monotonic() + _SILENCE_SECONDS
    while True:
        stack.raise_if_crashed()
        try:
            return client.status(url)
        except PlatformUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)


def _show(progress: Progress, bar: TaskID, status: RequestStatus) -> None:
    percent = 100.0 if status.status == "completed" else status.percent
    progress.update(bar, completed=percent, state=status.message or status.status)
    if status.ended:
        progress.stop_task(bar)
