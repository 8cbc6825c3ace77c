"""Zip archives from outside: looked at before they are opened, and unpacked by our own code.

Nothing is written under a name from the archive, and never more than the entry declared. Source: zip
application note 6.3.10; the dangers are those of "zip slip" and "zip bomb".
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from core.errors import PermanentTaskError

MAX_ENTRIES = 1_000
MAX_TOTAL_BYTES = 16 * 2**30
MAX_RATIO = 100
_RATIO_FREE_BYTES = 2**20  # a small entry may shrink as much as it likes
_CHUNK_BYTES = 2**20
_NESTED = frozenset({".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst", ".kmz"})
_MACOS_FOLDER = "__MACOSX"


def unsafe(message: str, **context: object) -> PermanentTaskError:
    """The error for an archive that is not opened."""
    return PermanentTaskError(
        message,
        code="ARCHIVE_UNSAFE",
        remedy="Zip the files of one dataset alone, without other archives in it, links or a password.",
        context=context,
    )


@contextmanager
def opened(path: Path, *, max_entries: int = MAX_ENTRIES) -> Iterator[zipfile.ZipFile]:
    """An archive whose directory has passed all checks.

    Raises:
        PermanentTaskError: ARCHIVE_UNSAFE, also when reading an entry fails inside the block.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive.infolist(), max_entries)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as exc:
        raise unsafe("The archive is damaged or uses an unsupported compression.") from exc


def files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries that are files, without what macOS and editors leave behind."""
    return [entry for entry in archive.infolist() if not entry.is_dir() and not _is_litter(entry.filename)]


def extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry to `target`, a new file: never more than it declares, and with its CRC checked.

    Raises:
        zipfile.BadZipFile, zlib.error: the entry is not what it declares; `opened` says so.
    """
    with archive.open(entry) as packed, target.open("xb") as file:
        shutil.copyfileobj(packed, file, _CHUNK_BYTES)


def _check(entries: list[zipfile.ZipInfo], max_entries: int) -> None:
    if len(entries) > max_entries:
        raise unsafe(f"The archive has more than {max_entries} entries.")
    if sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
        raise unsafe("The archive unpacks to too much data.", limit_bytes=MAX_TOTAL_BYTES)
    names = [entry.filename.casefold() for entry in entries]
    if len(set(names)) != len(names):
        raise unsafe("The archive has two entries of the same name.")
    for entry in entries:
        if reason := _danger(entry):
            raise unsafe(f"An entry of the archive {reason}.", entry=entry.filename[:255])


def _danger(entry: zipfile.ZipInfo) -> str | None:
    name = entry.orig_filename
    path = PurePosixPath(name)
    checks = (
        ("leaves the archive's folder", path.is_absolute() or ".." in path.parts or name[1:2] == ":"),
        ("has a forbidden character in its name", "\\" in name or any(ord(c) < 32 for c in name)),
        ("is a link", stat.S_ISLNK(entry.external_attr >> 16)),
        ("is encrypted", bool(entry.flag_bits & 0x1)),
        ("is an archive itself", path.suffix.lower() in _NESTED),
        ("unpacks to far more than its size", _ratio(entry) > MAX_RATIO),
    )
    return next((reason for reason, is_so in checks if is_so), None)


def _ratio(entry: zipfile.ZipInfo) -> float:
    if entry.file_size <= _RATIO_FREE_BYTES:
        return 0.0
    return entry.file_size / max(entry.compress_size, 1)


def _is_litter(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0] == _MACOS_FOLDER or path.name in (".DS_Store", "Thumbs.db")
