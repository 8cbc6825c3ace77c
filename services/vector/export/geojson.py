"""GeoJSON (RFC 7946), as PostGIS writes it: nothing is built in memory here."""

from collections.abc import Iterator
from pathlib import Path

from services.vector.export.source import TableSource

_WGS84 = 4326


def write_geojson(source: TableSource, target: Path) -> None:
    """A FeatureCollection in EPSG:4326, with `fid` as the `id` of each feature."""
    _note(source)
    with target.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[\n')
        for piece in _separated(source.features()):
            file.write(piece)
        file.write(b"\n]}\n")


def _separated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        yield b",\n" + piece if number else piece


def _note(source: TableSource) -> None:
    notes = source.notes
    notes.say("COORDINATES_ROUNDED", "Coordinates have at most 15 decimals.")
    if source.table.srid != _WGS84:
        notes.say("REPROJECTED", f"Coordinates are brought from {source.crs} to EPSG:4326, as RFC 7946 asks.")
    if source.has_gaps():
        notes.say("EMPTY_AS_NULL", "Readers may take empty geometries for missing ones (RFC 7946, 3.1).")
    if source.has_m:
        notes.say("MEASURES_DROPPED", "GeoJSON has no measures (M).")
    for column in source.table.columns:
        if column.sql_type == "bytea":
            notes.say(
                "BYTES_AS_TEXT", "Bytes are written as hexadecimal text after '\\x'.", column=column.name
            )
        if column.sql_type in ("real", "double precision"):
            notes.say(
                "NAN_AS_TEXT", "NaN and infinities are texts: JSON has no such numbers.", column=column.name
            )
        if column.sql_type == "bigint" or column.sql_type.startswith("numeric"):
            notes.say(
                "LONG_NUMBERS",
                "Numbers are written whole, but many readers keep no more than 15 digits.",
                column=column.name,
            )
