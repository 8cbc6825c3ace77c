"""`./dev submit` and `watch`."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from tools.cli.checkout import the_running_stack
from tools.cli.console import console
from tools.cli.platform_client import PlatformClient, RequestStatus, Submission
from tools.cli.uploads import upload
from tools.cli.watching import watch_until_ended
from tools.stack.stack import Stack

_TYPES = {
    "vector": {
        ".gpkg",
        ".geojson",
        ".json",
        ".zip",
        ".shp",
        ".fgb",
        ".kml",
        ".kmz",
        ".parquet",
        ".csv",
        ".gml",
    },
    "raster": {".tif", ".tiff", ".img", ".jp2", ".vrt", ".nc", ".asc"},
}


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dataset", help="dataset_id; default: the name of the file")
@click.option("--resource", help="resource_id; default: the name of the file")
@click.option("--version", default="v1", show_default=True, help="version_id")
@click.option("--type", "request_type", type=click.Choice(["vector", "raster"]), help="default: by extension")
def submit(
    files: tuple[Path, ...],
    *,
    dataset: str | None,
    resource: str | None,
    version: str,
    request_type: str | None,
) -> None:
    """Upload FILES to bronze, submit each, and watch them being published."""
    stack = the_running_stack()
    with PlatformClient(stack.public_base_url) as client:
        tickets = {}
        for file in files:
            submission = Submission(
                dataset_id=dataset or identifier(file.stem),
                resource_id=resource or identifier(file.stem),
                version_id=version,
                request_type=request_type or guess_type(file),
                source_path=_upload(file, stack),
            )
            ticket = client.submit(submission)
            console.print(f"{submission.name}: request {ticket.request_id}")
            tickets[submission.name] = ticket.status_url
        _watch(tickets, client=client, stack=stack)


@click.command()
@click.argument("request_id")
def watch(request_id: str) -> None:
    """Watch the request REQUEST_ID until it has ended; 1 when it failed."""
    stack = the_running_stack()
    with PlatformClient(stack.public_base_url) as client:
        _watch({request_id: client.status_url(request_id)}, client=client, stack=stack)


def guess_type(file: Path) -> str:
    """`vector` or `raster`, by the extension."""
    for request_type, extensions in _TYPES.items():
        if file.suffix.lower() in extensions:
            return request_type
    raise click.UsageError(f"cannot tell from {file.name} whether it is vector or raster: use --type")


def identifier(name: str) -> str:
    """A valid identifier made from a file's name: letters, digits, `.`, `_`, `-`."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._").lower()
    return cleaned or "dataset"


def _upload(file: Path, stack: Stack) -> str:
    connection_string = stack.azurite.connection_string
    return upload(file, blob_name=f"uploads/{file.name}", connection_string=connection_string)


def _watch(status_urls: Mapping[str, str], *, client: PlatformClient, stack: Stack) -> None:
    ended = watch_until_ended(status_urls, client=client, stack=stack)
    for name, status in ended.items():
        show_outcome(name, status)
    if any(status.status != "completed" for status in ended.values()):
        sys.exit(1)


def show_outcome(name: str, status: RequestStatus) -> None:
    """The URLs of what was published, or why nothing was."""
    if status.status != "completed":
        console.print(f"[bold red]{name} {status.status}[/]")
        console.print(status.error or status.message, markup=False)
        return
    console.print(f"[bold]{name}[/]")
    for endpoint, url in status.endpoints.items():
        console.print(f"  {endpoint:16} {url}", markup=False, soft_wrap=True)
