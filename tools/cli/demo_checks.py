"""Fetch what was published, as a client would, and look whether it is what was submitted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import requests
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from tools.cli.demo_sources import KnownPixel, without_georeference
from tools.cli.platform_client import PlatformClient, PlatformUnreachable, problem_in

Look = Callable[[requests.Response], str]

_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, either byte order


class Wrong(Exception):
    """An answer is not what it should be."""


@dataclass(frozen=True, slots=True)
class Check:
    """One address to fetch, and how to look at the answer; `look` returns what was seen, or raises.

    `place` fills the address where it is a template: by default with tile 0/0/0, all of the world.
    """

    what: str
    endpoint: str
    suffix: str
    look: Look
    place: Mapping[str, str] = field(default_factory=lambda: {"z": "0", "x": "0", "y": "0"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw."""

    what: str
    url: str
    passed: bool
    detail: str


def vector_checks(*, feature_count: int) -> list[Check]:
    """What a published vector dataset must answer."""
    return [
        Check("features", "features", "/items?limit=3", lambda answer: _items(answer, total=feature_count)),
        Check("vector tile", "vector_tiles", "", _vector_tile),
        Check("STAC item", "stac_item", "", _stac("Feature")),
        Check("STAC collection", "stac_collection", "", _stac("Collection")),
        Check("download", "download", "", lambda answer: _feature_download(answer, total=feature_count)),
    ]


def raster_checks(*, known_pixel: KnownPixel) -> list[Check]:
    """What a published raster dataset must answer."""
    return [
        Check("pixel value", "point", "", lambda answer: _pixel(answer, known_pixel), _place(known_pixel)),
        Check("raster tile", "tiles", "", _picture),
        Check("preview", "preview", "", _picture),
        Check("STAC item", "stac_item", "", _stac("Feature")),
        Check("STAC collection", "stac_collection", "", _stac("Collection")),
        Check("download", "download", "", _tiff_download),
    ]


def run_checks(
    checks: list[Check], *, endpoints: Mapping[str, str], client: PlatformClient
) -> Iterator[Finding]:
    """One finding for each check; an endpoint that the answer does not name is a failed check."""
    for check in checks:
        template = endpoints.get(check.endpoint)
        if template is None:
            yield Finding(
                check.what, "", passed=False, detail=f"no endpoint {check.endpoint!r} in the status"
            )
            continue
        yield _run(check, url=_filled(template, check.place) + check.suffix, client=client)


def _run(check: Check, *, url: str, client: PlatformClient) -> Finding:
    try:
        return Finding(check.what, url, passed=True, detail=check.look(_fetch(url, client=client)))
    except (Wrong, PlatformUnreachable, ValueError, LookupError, TypeError, RasterioError) as exc:
        return Finding(check.what, url, passed=False, detail=str(exc) or type(exc).__name__)


def _fetch(url: str, *, client: PlatformClient) -> requests.Response:
    answer = client.get(url)
    if not answer.ok:
        raise Wrong(f"{answer.status_code}: {problem_in(answer)}")
    return answer


def _filled(template: str, place: Mapping[str, str]) -> str:
    for name, value in place.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _place(pixel: KnownPixel) -> dict[str, str]:
    return {"lon": str(pixel.lon), "lat": str(pixel.lat)}


def _expect(answer: requests.Response, *media_types: str) -> None:
    media_type = answer.headers.get("content-type", "").split(";")[0]
    if media_type not in media_types:
        raise Wrong(f"content type is {media_type!r}, not {' or '.join(media_types)}")


def _items(answer: requests.Response, *, total: int) -> str:
    page = answer.json()
    if page["numberMatched"] != total:
        raise Wrong(f"numberMatched is {page['numberMatched']}, the source has {total}")
    if len(page["features"]) != 3:
        raise Wrong(f"asked for 3 features, got {len(page['features'])}")
    return f"{total} features"


def _vector_tile(answer: requests.Response) -> str:
    _expect(answer, "application/vnd.mapbox-vector-tile", "application/x-protobuf")
    if not answer.content:
        raise Wrong("the tile is empty")
    return _size(answer)


def _picture(answer: requests.Response) -> str:
    _expect(answer, "image/png", "image/jpeg", "image/webp")
    with without_georeference(), MemoryFile(answer.content) as file, file.open() as picture:
        bands = picture.read(list(range(1, min(3, picture.count) + 1)))
    if np.ptp(bands) == 0:
        raise Wrong("the picture is of one colour")
    return f"{bands.shape[2]} x {bands.shape[1]} pixels, {_size(answer)}"


def _pixel(answer: requests.Response, known: KnownPixel) -> str:
    values = tuple(int(value) for value in answer.json()["values"][: len(known.values)])
    if values != known.values:
        raise Wrong(f"values at {known.lon}, {known.lat} are {values}, in the source {known.values}")
    return f"{values} at {known.lon}, {known.lat}"


def _stac(kind: str) -> Look:
    def look(answer: requests.Response) -> str:
        document = answer.json()
        if document["type"] != kind:
            raise Wrong(f"type is {document['type']!r}, not {kind!r}")
        if not any(link["rel"] == "self" for link in document["links"]):
            raise Wrong("there is no link to itself")
        return f"{kind.lower()} {document['id']}"

    return look


def _feature_download(answer: requests.Response, *, total: int) -> str:
    count = len(answer.json()["features"])
    if count != total:
        raise Wrong(f"{count} features, the source has {total}")
    return f"{count} features, {_size(answer)}"


def _tiff_download(answer: requests.Response) -> str:
    if not answer.content.startswith(_TIFF_SIGNATURES):
        raise Wrong("this is no TIFF")
    with MemoryFile(answer.content) as file, file.open() as image:
        if not image.overviews(1):
            raise Wrong("this is no cloud-optimised GeoTIFF: it has no overviews")
        return f"{image.width} x {image.height} pixels, {_size(answer)}"


def _size(answer: requests.Response) -> str:
    return f"{len(answer.content) / 1000:.0f} kB"
