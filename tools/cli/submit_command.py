"""`./dev submit` and `watch`."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tools.cli.checkout import the_running_stack
from tools.cli.console import console
from tools.cli.platform_client import PlatformClient, RequestStatus, Submission
from tools.cli.uploads import upload
from tools.cli.watching import watch_until_ended
from tools.stack.stack import Stack

COLLECTION = "raster_collection"
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
    "raster": {".tif", ".tiff", ".jp2", ".j2k", ".nc", ".h5", ".hdf5", ".img", ".vrt", ".asc"},
}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=True, path_type=Path))
@click.option("--dataset", help="dataset_id; default: the name of the file")
@click.option("--resource", help="resource_id; default: the name of the file")
@click.option("--version", default="v1", show_default=True, help="version_id")
@click.option(
    "--type",
    "request_type",
    type=click.Choice([*_TYPES, "large_raster", COLLECTION]),
    help="default: by extension; raster_collection makes one dataset of all FILES",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="an option of processing_config, again for each: --option target_crs=EPSG:3857",
)
def submit(
    files: tuple[Path, ...],
    *,
    dataset: str | None,
    resource: str | None,
    version: str,
    request_type: str | None,
    options: tuple[str, ...],
) -> None:
    """Upload FILES (of a folder, the rasters in it) to bronze, submit, and watch them being published."""
    processing = processing_config(options)
    stack = the_running_stack()
    with PlatformClient(stack.public_base_url) as client:
        tickets = {}
        for name, group in _groups(files, together=request_type == COLLECTION):
            paths = tuple(_upload(file, blob_name, stack) for file, blob_name in group)
            source = {"blob_paths": paths} if request_type == COLLECTION else {"source_path": paths[0]}
            submission = Submission(
                dataset_id=dataset or identifier(name.stem),
                resource_id=resource or identifier(name.stem),
                version_id=version,
                request_type=request_type or guess_type(name),
                processing_config=processing,
                **source,
            )
            ticket = client.submit(submission)
            console.print(f"{submission.name}: request {ticket.request_id}")
            tickets[submission.name] = ticket.status_url
        _watch(tickets, client=client, stack=stack)


def _groups(paths: Sequence[Path], *, together: bool) -> Iterator[tuple[Path, list[tuple[Path, str]]]]:
    """What becomes one dataset each: what it is called after, and its files with their names as blobs."""
    named = [entry for path in paths for entry in files_in(path)]
    if together:
        yield paths[0], named
        return
    for file, blob_name in named:
        yield file, [(file, blob_name)]


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


def files_in(path: Path) -> Iterator[tuple[Path, str]]:
    """The file itself, or the rasters in a folder and below it, each with a name as a blob."""
    if path.is_file():
        yield path, f"uploads/{path.name}"
        return
    found = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in _TYPES["raster"]]
    if not found:
        raise click.UsageError(f"there are no rasters in {path}")
    for file in found:
        yield file, f"uploads/{path.resolve().name}/{file.relative_to(path).as_posix()}"


def processing_config(options: Sequence[str]) -> dict[str, Any]:
    """`name=value` each; a value that is JSON (numbers, true, lists) counts as that, another as text."""
    config = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--option {option}: it must read NAME=VALUE")
        try:
            config[name] = json.loads(text)
        except ValueError:
            config[name] = text
    return config


def identifier(name: str) -> str:
    """A valid identifier made from a file's name: letters, digits, `.`, `_`, `-`."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._").lower()
    return cleaned or "dataset"


def _upload(file: Path, blob_name: str, stack: Stack) -> str:
    return upload(file, blob_name=blob_name, connection_string=stack.azurite.connection_string)


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
    for warning in status.warnings:
        console.print(f"  warning: {warning}", markup=False, soft_wrap=True)
