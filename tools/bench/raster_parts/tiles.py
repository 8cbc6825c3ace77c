"""Tiles a second, of a published COG and of a mosaic, against titiler under uvicorn on the same blobs.

Both have as many processes, and are asked for the same tiles in the same look, over as many connections, in
turns. What the platform does besides is in its time: the Functions host, the look-up of what is published,
and the ASGI adapter. Each tile is asked for once in a turn, in random order: harder than what maps do.
"""

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import requests
from azure.storage.blob import BlobServiceClient

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.http_load import CONNECTIONS, requests_a_second, tiles_within
from tools.bench.measuring.uvicorn_app import UvicornApp
from tools.bench.measuring.workplace import Workplace
from tools.bench.raster_parts.images import picture
from tools.bench.raster_parts.plain_titiler import plain_titiler

ROOT = Path(__file__).resolve().parents[3]
_LEAST = 0.9
_MOST_TILES = 600
_PART_SIDE = 512
_PATIENCE_SECONDS = 1800
# What the platform shows a picture of bytes with by default; titiler has to be told.
_LOOK = {"bidx": ["1", "2", "3"], "resampling": "bilinear", "reproject": "bilinear"}
_LOCATIONS = """
SELECT collection_id, data_locations, data_characteristics FROM platform.published_datasets
WHERE identifiers ->> 'resource_id' = %s
"""


@dataclass(frozen=True, slots=True)
class Published:
    """A row of what is published."""

    name: str
    locations: dict[str, str]
    characteristics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is served: templates of a tile's address here and at titiler, and the tiles to ask for."""

    name: str
    ours: str
    plain: str
    tiles: tuple[tuple[int, int, int], ...]


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """The rates of both, and their ratio, as medians of the turns."""
    titiler = plain_titiler(
        state=place.stack.state,
        root=ROOT,
        processes=options.processes,
        environment={"AZURE_STORAGE_CONNECTION_STRING": place.stack.azurite.connection_string},
    )
    bars: list[Bar] = []
    details: dict[str, Any] = {}
    titiler.start()
    try:
        titiler.wait_ready()
        for make in (_cog, _mosaic):
            subject = make(place, titiler, options)
            measured, details[subject.name] = _compared(subject, repeats=options.repeats)
            bars += measured
    finally:
        titiler.stop()
    return bars, details


# -- What is served -------------------------------------------------------------------------------


def _cog(place: Workplace, titiler: UvicornApp, options: argparse.Namespace) -> Subject:
    source = picture(place.directory / f"picture_{options.side}.tif", width=options.side, height=options.side)
    cog = _publish(place, source, request_type="raster", processing={})
    url = "/vsiaz/" + cog.locations["blob"].removeprefix("azure://")
    tiles = f"/api/cog/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?dataset={cog.name}"
    return Subject(
        name=f"COG of {options.side} x {options.side}",
        ours=place.stack.public_base_url + tiles,
        plain=_plain(titiler, "cog", url),
        tiles=tiles_within(cog.characteristics["bbox"], zooms=(12, 18), most=_MOST_TILES),
    )


def _mosaic(place: Workplace, titiler: UvicornApp, options: argparse.Namespace) -> Subject:
    columns = math.ceil(math.sqrt(options.mosaic_tiles))
    rows = math.ceil(options.mosaic_tiles / columns)
    width, height = columns * _PART_SIDE, rows * _PART_SIDE
    source = picture(place.directory / f"mosaic_{width}_{height}.tif", width=width, height=height)
    mosaic = _publish(place, source, request_type="large_raster", processing={"tile_size": _PART_SIDE})
    document = _mosaic_document(place, mosaic)
    known = mosaic.characteristics
    tiles = f"/api/mosaic/{mosaic.name}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png"
    return Subject(
        name=f"mosaic of {known['part_count']} COGs",
        ours=place.stack.public_base_url + tiles,
        plain=_plain(titiler, "mosaicjson", str(document)),
        tiles=tiles_within(known["bbox"], zooms=(known["minzoom"], known["maxzoom"]), most=_MOST_TILES),
    )


def _publish(place: Workplace, source: Path, *, request_type: str, processing: dict[str, Any]) -> Published:
    uri, resource = place.put(source), f"{request_type}-{time.time_ns()}"
    body = {
        "dataset_id": "bench-tiles",
        "resource_id": resource,
        "version_id": "v1",
        "request_type": request_type,
        "source_path": uri.removeprefix("azure://"),
        "processing_config": processing,
    }
    place.publish(body, patience_seconds=_PATIENCE_SECONDS)
    place.delete(uri)
    with psycopg.connect(place.stack.database.urls().admin) as connection:
        row = connection.execute(_LOCATIONS, [resource]).fetchone()
    if row is None:
        raise NotMeasured(f"{resource} is not published")
    return Published(*row)


def _mosaic_document(place: Workplace, mosaic: Published) -> Path:
    """The MosaicJSON with GDAL's names of its assets, as a file: titiler reads it anew every five minutes."""
    container, _, name = mosaic.locations["mosaic"].removeprefix("azure://").partition("/")
    with BlobServiceClient.from_connection_string(place.stack.azurite.connection_string) as service:
        text = service.get_blob_client(container, name).download_blob().readall().decode()
    path = place.directory / "mosaic.json"
    path.write_text(text.replace("azure://", "/vsiaz/"))
    return path


def _plain(titiler: UvicornApp, kind: str, url: str) -> str:
    query = urlencode({"url": url, **_LOOK}, doseq=True, quote_via=quote)
    return f"{titiler.base_url}/{kind}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?{query}"


# -- How fast -------------------------------------------------------------------------------------


def _compared(subject: Subject, *, repeats: int) -> tuple[list[Bar], dict[str, Any]]:
    _check_alike(subject)
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    for turn in range(repeats + 1):
        for side, template in (("plain", subject.plain), ("ours", subject.ours)):
            rate = _rate(template, subject.tiles)
            if turn:  # the first one warms both up
                rates[side].append(rate)
    plain, ours = statistics.median(rates["plain"]), statistics.median(rates["ours"])
    ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["plain"], strict=True))
    bars = [
        Bar(f"{subject.name}: titiler under uvicorn", plain, "tiles/s"),
        Bar(f"{subject.name}: platform", ours, "tiles/s"),
        Bar(f"{subject.name}: platform / titiler", ratio, least=_LEAST),
    ]
    return bars, {**rates, "tiles": len(subject.tiles), "connections": CONNECTIONS}


def _check_alike(subject: Subject) -> None:
    """Both must have the same tiles; that their pixels are equal is for the tests.

    Raises:
        NotMeasured: they differ.
    """
    for z, x, y in subject.tiles[:20]:
        ours, plain = (
            requests.get(template.format(z=z, x=x, y=y), timeout=60)
            for template in (subject.ours, subject.plain)
        )
        if ours.status_code != plain.status_code:
            raise NotMeasured(f"{z}/{x}/{y}: {ours.status_code} here, {plain.status_code} at titiler")


def _rate(template: str, tiles: Sequence[tuple[int, int, int]]) -> float:
    """Tiles a second. One beside a slanted border is nowhere."""
    return requests_a_second([template.format(z=z, x=x, y=y) for z, x, y in tiles], accepted=(200, 404))
