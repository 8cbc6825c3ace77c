"""A raster in a zip archive, unpacked with what says where it lies: a world file, and a `.prj`."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rasterio.transform import Affine

from core.errors import PermanentTaskError
from services import archive
from services.raster.formats import RASTER_EXTENSIONS

_PRJ = ".prj"
_WORLD = frozenset(
    {".wld", ".tfw", ".tifw", ".tiffw", ".pgw", ".pngw", ".jgw", ".jpgw", ".jpegw", ".j2w", ".jp2w"}
)
# What tools put beside a raster; never unpacked.
_IGNORED = frozenset(
    {".xml", ".ovr", ".msk", ".rrd", ".txt", ".html", ".htm", ".md", ".pdf", ".json", ".csv", ".qml", ".sld",
     ".lyr", ".clr", ".tab", ".vat", ".dbf", ".cpg", ".rpb"}
)  # fmt: skip
_MAX_TEXT_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`name` is that of the raster in the archive; `crs_wkt` and `transform` are None where nothing says."""

    name: str
    crs_wkt: str | None
    transform: Affine | None


def unpack(path: Path, target: Path, *, wanted: str | None, limit_bytes: int) -> Unpacked:
    """Write the only raster of an archive, or the `wanted` one, to `target`; nothing else is written.

    Raises:
        PermanentTaskError: ARCHIVE_UNSAFE, SOURCE_TOO_LARGE, UNSUPPORTED_FORMAT for an archive without a
            raster, AMBIGUOUS_RASTER, NO_GEOREFERENCE for a world file that is none.
    """
    with archive.opened(path) as opened:
        entries = archive.files(opened)
        raster = _choose(entries, wanted)
        if raster.file_size > limit_bytes:
            raise PermanentTaskError(
                f"The raster in the archive has {raster.file_size} bytes, the limit is {limit_bytes} bytes.",
                code="SOURCE_TOO_LARGE",
                remedy="Submit it as a GeoTIFF that is not zipped: that is read in parts.",
            )
        archive.extract(opened, raster, target)
        prj, world = _beside(entries, raster, {_PRJ}), _beside(entries, raster, _WORLD)
        return Unpacked(
            name=raster.filename,
            crs_wkt=_text(opened, prj) if prj else None,
            transform=_transform(_text(opened, world)) if world else None,
        )


def _choose(entries: list[zipfile.ZipInfo], wanted: str | None) -> zipfile.ZipInfo:
    rasters = []
    for entry in entries:
        suffix = PurePosixPath(entry.filename).suffix.lower()
        if suffix in RASTER_EXTENSIONS:
            rasters.append(entry)
        elif suffix and suffix not in (_IGNORED | _WORLD | {_PRJ}):
            raise archive.unsafe(f"The archive holds a {suffix[:20]} file.", entry=entry.filename[:255])
    if not rasters:
        raise PermanentTaskError(
            "The archive holds no raster.",
            code="UNSUPPORTED_FORMAT",
            remedy="Zip one GeoTIFF, PNG or JPEG with its world file and its .prj.",
        )
    chosen = [entry for entry in rasters if wanted in (None, entry.filename)]
    if len(chosen) == 1:
        return chosen[0]
    raise PermanentTaskError(
        f"The archive holds {len(rasters)} rasters, and it is not clear which one is meant.",
        code="AMBIGUOUS_RASTER",
        remedy="Name one of those in context as subdataset, or submit each by itself.",
        context={"rasters": [entry.filename[:255] for entry in rasters[:20]]},
    )


def _beside(
    entries: list[zipfile.ZipInfo], raster: zipfile.ZipInfo, suffixes: set[str] | frozenset[str]
) -> zipfile.ZipInfo | None:
    """The entry of the same folder and stem: `a.prj` or `a.png.prj` beside `a.png`."""
    name = PurePosixPath(raster.filename)
    stems = {str(name).casefold(), str(name.with_suffix("")).casefold()}
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.suffix.lower() in suffixes and str(path.with_suffix("")).casefold() in stems:
            return entry
    return None


def _text(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    if entry.file_size > _MAX_TEXT_BYTES:
        raise archive.unsafe("A text file of the archive is too long.", entry=entry.filename[:255])
    return opened.read(entry).decode("utf-8-sig", errors="replace").replace("\0", "")


def _transform(world: str) -> Affine:
    """Of a world file: A, D, B, E, and the centre C, F of the upper left pixel, a number a line."""
    try:
        a, d, b, e, x, y = (float(word.replace(",", ".")) for word in world.split())
    except ValueError as exc:
        raise _no_world_file() from exc
    if not all(map(math.isfinite, (a, d, b, e, x, y))):
        raise _no_world_file()
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _no_world_file() -> PermanentTaskError:
    return PermanentTaskError(
        "The world file in the archive does not hold six numbers.",
        code="NO_GEOREFERENCE",
        remedy="Write the world file again, for example with gdal_translate -co WORLDFILE=YES.",
    )
