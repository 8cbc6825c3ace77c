"""KML and KMZ, read by GDAL's driver LIBKML after a census of our own.

LIBKML and not KML: the older driver knows names and descriptions only, loses all other attributes and the
placemarks without a geometry. What LIBKML does not say (coordinates that are none) the census does. Nothing
outside of the file is ever fetched: network links and foreign schemas are counted and left out. Styles are
not data and are ignored.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from zipfile import ZipInfo

import pyarrow as pa

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services import archive
from services.vector import ogr
from services.vector.distinct_names import distinct
from services.vector.findings import info, warning
from services.vector.kml_census import KmlCensus, KmlFolder
from services.vector.kml_values import TIMES, KmlValues
from services.vector.layers import choose_layers
from services.vector.source import GDAL_DRIVERS, Census, SourceLayer
from services.vector.stream import LayerStream

_ZIP_MAGIC = b"PK\x03\x04"
_MAIN = "doc.kml"
# LIBKML makes these columns for every file; they are kept where the file has such an element.
_STANDARD = {
    "description": "description",
    "altitudeMode": "altitudeMode",
    "tessellate": "tessellate",
    "extrude": "extrude",
    "visibility": "visibility",
    "drawOrder": "drawOrder",
    "snippet": "Snippet",
}
_STYLE = "icon"
_OWN = (*_STANDARD, *sorted(TIMES), "Name", "id", _STYLE)
# How LIBKML is told to call its own columns, where the file has attributes of these names.
_OPTION = "LIBKML_{}_FIELD"


@dataclass(frozen=True, slots=True)
class KmlColumns:
    """Which columns a folder gets.

    `dropped`: columns of LIBKML that are not handed out; `renamed`: its own ones that give way to attributes;
    `folder`: where to look for values that it leaves out.
    """

    dropped: tuple[str, ...]
    renamed: tuple[str, ...]
    folder: KmlFolder


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """Every folder with placemarks, or those wanted; a KMZ is unpacked beside itself, its main file alone.

    Raises:
        PermanentTaskError: ARCHIVE_UNSAFE, XML_UNSAFE, CONTENT_MISMATCH, ENCODING_ERROR, COORDINATE_PARSE,
            NO_FEATURES, LAYER_NOT_FOUND or LAYER_LIMIT.
    """
    kml, findings = _unpacked(path)
    census = KmlCensus()
    census.take(kml)
    found = _layers(kml, census, name=name)
    if not found:
        raise PermanentTaskError(
            "The file has no placemarks of its own.",
            code="NO_FEATURES",
            remedy="Submit the file that holds them; network links are not followed.",
            context={"network_links": census.elements["NetworkLink"]},
        )
    chosen = choose_layers(list(found), reading.layers)
    said = (*findings, *_findings(census))
    return tuple(
        SourceLayer(
            format=VectorFormat.KML,
            path=kml,
            name=each,
            census=Census(folder.features, folder.without_geometry, folder.without_coordinates),
            ogr_name=ogr_name,
            dialect=_columns(census, folder),
            findings=said,
        )
        for each, (ogr_name, folder) in found.items()
        if each in chosen
    )


@contextmanager
def read(layer: SourceLayer, *, reading: VectorReading) -> Iterator[LayerStream]:
    """Open a folder, without the columns that its file has no values for; see `LayerStream`."""
    columns = layer.dialect
    assert isinstance(columns, KmlColumns)
    # So that attributes of the same name keep theirs.
    options = {_OPTION.format(column.upper()): f"kml_{column}" for column in columns.renamed}
    with ogr.gdal_options(options), ogr.read(layer, reading=reading) as stream:
        kept = [name for name in stream.schema.names if name not in columns.dropped]
        more = _left_out(layer.path, columns.folder, known=stream.schema.names, kept=kept)
        schema = pa.schema([*(stream.schema.field(name) for name in kept), *more.schema])
        yield replace(stream, schema=schema, batches=_joined(stream.batches, kept, more, schema))


def _left_out(path: Path, folder: KmlFolder, *, known: Sequence[str], kept: Sequence[str]) -> pa.Table:
    """The values that LIBKML does not hand out, a row for each feature of the folder."""
    missing = frozenset(folder.attributes) - frozenset(known)
    if not missing and not folder.elements:
        return pa.table({})
    found = KmlValues(folder.number, missing, frozenset(folder.elements)).take(path)
    names = distinct((*kept, *(name for _, name in found)))[len(kept) :]
    return pa.table(list(found.values()), names=list(names))


def _joined(
    batches: Iterator[pa.RecordBatch], kept: Sequence[str], more: pa.Table, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    row = 0
    for batch in batches:
        others = [column.slice(row, batch.num_rows).combine_chunks() for column in more.columns]
        yield pa.RecordBatch.from_arrays([*batch.select(kept).columns, *others], schema=schema)
        row += batch.num_rows


# -- the file ---------------------------------------------------------------------------------------


def _unpacked(path: Path) -> tuple[Path, tuple[Finding, ...]]:
    with path.open("rb") as file:
        if file.read(len(_ZIP_MAGIC)) != _ZIP_MAGIC:
            return path, ()
    target = path.with_name("doc.kml")
    with archive.opened(path) as opened:
        main, others = _main(archive.files(opened))
        archive.extract(opened, main, target)
    if not others:
        return target, ()
    message = "The archive holds other KML files, which are not read."
    return target, (
        warning("OTHER_FILES_IGNORED", message, remedy="Submit them by themselves.", files=others[:20]),
    )


def _main(entries: list[ZipInfo]) -> tuple[ZipInfo, list[str]]:
    """`doc.kml`, or else the first KML file that lies in no folder; and the names of other ones."""
    found = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() == ".kml"]
    at_root = [entry for entry in found if "/" not in entry.filename]
    main = next((entry for entry in at_root if entry.filename.lower() == _MAIN), None)
    main = main or (at_root[0] if at_root else None)
    if main is None:
        raise PermanentTaskError(
            "The KMZ file holds no KML file at its root.",
            code="CONTENT_MISMATCH",
            remedy="A KMZ is a zip archive with a doc.kml.",
        )
    return main, [entry.filename[:255] for entry in found if entry is not main]


# -- its folders ------------------------------------------------------------------------------------


def _layers(path: Path, census: KmlCensus, *, name: str) -> dict[str, tuple[str, KmlFolder]]:
    """The folders with placemarks by their names, each with what LIBKML calls it.

    LIBKML lists folders in the order in which they begin; the outermost one only if it holds anything itself.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: it does not list them all.
    """
    listed = [each for each, _ in ogr.layer_names(path, driver=GDAL_DRIVERS[VectorFormat.KML])]
    candidates = (
        census.folders,
        census.folders[1:] if census.folders and not census.folders[0].features else [],
    )
    folders = next((each for each in candidates if _are_same(each, listed)), None)
    if folders is None:
        raise PermanentTaskError(
            "Folders with placemarks stand where the format allows none, and would be lost.",
            code="CONTENT_MISMATCH",
            remedy="Export the file again: one Document or Folder below <kml>, all else within it.",
            context={
                "folders": [each.name for each in census.folders if each.features][:20],
                "read": listed[:20],
            },
        )
    pairs = [(each, folder) for each, folder in zip(listed, folders, strict=True) if folder.features]
    labels = distinct(tuple(_label(each, folder, file=name) for each, folder in pairs))
    return dict(zip(labels, pairs, strict=True))


def _label(ogr_name: str, folder: KmlFolder, *, file: str) -> str:
    """A folder without a name is called by its number, the only or outermost one like the file."""
    return ogr_name if folder.name or re.fullmatch(r"Layer\d+( \(#\d+\))?", ogr_name) else file


def _are_same(folders: Sequence[KmlFolder], listed: Sequence[str]) -> bool:
    return len(folders) == len(listed) and all(
        not folder.name or folder.name in (each, re.sub(r" \(#[0-9]+\)$", "", each))
        for folder, each in zip(folders, listed, strict=True)
    )


def _columns(census: KmlCensus, folder: KmlFolder) -> KmlColumns:
    own = {name.casefold() for name in census.extended}
    unused = [column for column, element in _STANDARD.items() if not census.elements[element]]
    unused += [_STYLE] if census.has_ids else [_STYLE, "id"]
    unused += TIMES  # read by `kml_values`
    twins = tuple(column for column in _OWN if column.casefold() in own)
    dropped = tuple(f"kml_{column}" if column in twins else column for column in unused)
    return KmlColumns(dropped=dropped, renamed=twins, folder=folder)


def _findings(census: KmlCensus) -> tuple[Finding, ...]:
    counted = (
        (
            "NetworkLink",
            "NETWORK_LINKS_IGNORED",
            "Network links are not followed; what lies there is not here.",
        ),
        ("Model", "MODELS_IGNORED", "Three-dimensional models are not read; their placemarks have no place."),
    )
    findings = [
        warning(code, message, remedy="Submit what they refer to by itself.", count=census.elements[element])
        for element, code, message in counted
        if census.elements[element]
    ]
    if census.elements["SimpleArrayData"]:
        message = "Values along tracks (SimpleArrayData) are not read."
        remedy = "Submit them as columns of points."
        findings.append(
            warning("ARRAYS_IGNORED", message, remedy=remedy, count=census.elements["SimpleArrayData"])
        )
    if census.external:
        message = "Attributes refer to schemas outside of the file, which are not fetched; they stay text."
        findings.append(info("EXTERNAL_REFERENCES_IGNORED", message, count=census.external))
    if census.elements["GroundOverlay"]:
        message = "Images draped over the ground are kept as their outlines, without the images."
        findings.append(info("OVERLAYS_AS_OUTLINES", message, count=census.elements["GroundOverlay"]))
    return tuple(findings)
