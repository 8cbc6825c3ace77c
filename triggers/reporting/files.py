"""The files that were made besides the data themselves, and what their formats could not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triggers.reporting import figures, wording

_MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class FileView:
    """A file; `notes` are the differences that its format forces, at most 50 and then how many more."""

    title: str
    size: str
    sha256: str
    notes: tuple[str, ...]


def files_in(derived: Mapping[str, Mapping[str, Any]]) -> Iterator[FileView]:
    """Of the results of jobs: exports, products of terrain, archives of tiles."""
    for job_type, result in derived.items():
        if job_type == "export_vector":
            for export in result.get("exports", ()):
                name, collection = wording.export(export.get("format", "")), export.get("collection_id")
                yield _file(f"{name} of {collection}" if collection else name, export)
        elif job_type == "terrain_products":
            for product in result.get("products", ()):
                yield _file(wording.sentence(str(product.get("name", ""))), product)
        else:
            for archive in (result, *result.get("others", ())):
                if archive.get("size_bytes"):
                    yield _file("Tiles (PMTiles)", archive)


def _file(title: str, described: Mapping[str, Any]) -> FileView:
    return FileView(
        title=title,
        size=figures.size(described["size_bytes"]) if described.get("size_bytes") else "",
        sha256=str(described.get("sha256") or ""),
        notes=tuple(_notes(described.get("notes") or ())),
    )


def _notes(notes: Any) -> Iterator[str]:
    for note in notes[:_MOST_NOTES]:
        column, message = note.get("column"), str(note.get("message", ""))
        yield f"{column}: {message}" if column else message
    if len(notes) > _MOST_NOTES:
        yield f"and {figures.whole(len(notes) - _MOST_NOTES)} more, which the JSON has"
