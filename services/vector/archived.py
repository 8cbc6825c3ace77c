"""What a zip archive holds: Shapefiles, one file geodatabase, or one file of another format."""

import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from core.errors import PermanentTaskError
from core.task_models.vector import VectorReading
from services import archive
from services.vector.declared import EXTENSIONS, ZIPPED, declared_format, extension_of
from services.vector.layers import choose_layers

MAX_ENTRIES = 10_000  # a file geodatabase has about six files for each table
REQUIRED_PARTS = (".shp", ".shx", ".dbf")
_PARTS = (*REQUIRED_PARTS, ".prj", ".cpg")
# What tools put beside data; never unpacked.
_IGNORED = frozenset(
    {".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".qml", ".sld", ".lyr", ".lyrx", ".ain", ".aih", ".atx", ".ixs",
     ".mxs", ".fbn", ".fbx", ".idx", ".xml", ".txt", ".html", ".htm", ".md", ".pdf", ".png", ".jpg", ".jpeg",
     ".url", ".css", ".rtf", ".docx", ".license"}
)  # fmt: skip
_NOTES = frozenset({".csv", ".json", ".tsv"})  # data by themselves, notes beside Shapefiles
_GEODATABASE_FILE = re.compile(r"a[0-9a-f]{8}\.[a-z0-9_]{1,40}|gdb|timestamps", re.IGNORECASE)
_LOCKS = re.compile(r".*\.lock", re.IGNORECASE)


class Kind(StrEnum):
    """What an archive holds."""

    SHAPEFILES = "shapefiles"
    FILE_GEODATABASE = "file geodatabase"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Contents:
    """What has been unpacked, under names of ours.

    `members` are the wanted Shapefiles: where the `.shp` lies, by the name in the archive. `path` is a
    folder, or a file which the archive called `name`.
    """

    kind: Kind
    path: Path
    name: str = ""
    members: Mapping[str, Path] = field(default_factory=dict)


def unpacked(path: Path, *, reading: VectorReading) -> Contents:
    """Unpack what is wanted of an archive, beside it.

    Raises:
        PermanentTaskError: ARCHIVE_UNSAFE, UNSUPPORTED_FORMAT, CONTENT_MISMATCH, LAYER_NOT_FOUND or
            LAYER_LIMIT.
    """
    with archive.opened(path, max_entries=MAX_ENTRIES) as opened:
        entries = archive.files(opened)
        suffixes = {PurePosixPath(entry.filename).suffix.lower() for entry in entries}
        if ".gdbtable" in suffixes:
            return _geodatabase(opened, entries, path.parent)
        if ".shp" in suffixes:
            return _shapefiles(opened, entries, path.parent, wanted=reading.layers)
        return _file(opened, entries, path.parent, extra_formats=reading.extra_formats)


def _shapefiles(
    opened: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], directory: Path, *, wanted: Sequence[str]
) -> Contents:
    stems = _parts(entries)
    chosen = choose_layers(list(stems), wanted)
    for stem in chosen:
        _check_complete(stems[stem], stem)
    members = {}
    for number, stem in enumerate(chosen):
        members[stem] = directory / f"in{number}.shp"
        for suffix, entry in stems[stem].items():
            archive.extract(opened, entry, members[stem].with_suffix(suffix))
    return Contents(kind=Kind.SHAPEFILES, path=directory, members=members)


def _parts(entries: Sequence[zipfile.ZipInfo]) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """The parts of each Shapefile by extension, by the path of its `.shp`; case does not matter."""
    parts: dict[str, dict[str, zipfile.ZipInfo]] = defaultdict(dict)
    for entry in entries:
        path = PurePosixPath(entry.filename)
        suffix = path.suffix.lower()
        if suffix in _PARTS:
            parts[str(path.with_suffix("")).casefold()][suffix] = entry
        elif extension_of(entry.filename) in EXTENSIONS.keys() - _NOTES:
            raise _several(entries)
        else:
            _check_ignored(entry, also=_NOTES)
    found = [each for each in parts.values() if ".shp" in each]
    return {str(PurePosixPath(each[".shp"].filename).with_suffix("")): each for each in found}


def _check_complete(parts: Mapping[str, zipfile.ZipInfo], name: str) -> None:
    missing = [suffix for suffix in REQUIRED_PARTS if suffix not in parts]
    if missing:
        raise PermanentTaskError(
            f"The Shapefile {name!r} lacks {', '.join(missing)}.",
            code="CONTENT_MISMATCH",
            remedy="Zip all files of the Shapefile: .shp, .shx, .dbf, .prj and, if there is one, .cpg.",
            context={"missing": missing, "layer": name},
        )


def _geodatabase(opened: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], directory: Path) -> Contents:
    """The files of the one folder with tables, flat."""
    tables = [
        PurePosixPath(entry.filename) for entry in entries if entry.filename.lower().endswith(".gdbtable")
    ]
    folders = {path.parent for path in tables}
    if len(folders) > 1:
        raise _several(entries)
    folder = folders.pop()
    target = directory / "in.gdb"
    target.mkdir()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.parent == folder and _GEODATABASE_FILE.fullmatch(path.name):
            archive.extract(opened, entry, target / path.name.lower())
        elif not _LOCKS.fullmatch(path.name):
            _check_ignored(entry, also=_NOTES)
    return Contents(kind=Kind.FILE_GEODATABASE, path=target)


def _file(
    opened: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], directory: Path, *, extra_formats: bool
) -> Contents:
    found = []
    for entry in entries:
        if extension_of(entry.filename) in EXTENSIONS.keys() - ZIPPED:
            found.append(entry)
        else:
            _check_ignored(entry)
    if not found:
        raise _nothing()
    if len(found) > 1:
        raise _several(found)
    declared_format(found[0].filename, extra_formats=extra_formats)
    target = directory / f"unpacked{extension_of(found[0].filename)}"
    archive.extract(opened, found[0], target)
    return Contents(kind=Kind.FILE, path=target, name=PurePosixPath(found[0].filename).name)


def _check_ignored(entry: zipfile.ZipInfo, *, also: frozenset[str] = frozenset()) -> None:
    suffix = PurePosixPath(entry.filename).suffix.lower()
    if suffix and suffix not in _IGNORED | also:
        raise archive.unsafe(f"The archive holds a {suffix[:20]} file.", entry=entry.filename[:255])


def _several(entries: Sequence[zipfile.ZipInfo]) -> PermanentTaskError:
    return PermanentTaskError(
        "The archive holds more than one dataset.",
        code="UNSUPPORTED_FORMAT",
        remedy="Zip Shapefiles alone, one file geodatabase, or one file; submit the others by themselves.",
        context={"entries": [entry.filename[:255] for entry in entries[:20]]},
    )


def _nothing() -> PermanentTaskError:
    return PermanentTaskError(
        "The archive holds no vector data.",
        code="UNSUPPORTED_FORMAT",
        remedy="Zip Shapefiles, one file geodatabase (.gdb), or one file of another format.",
    )
