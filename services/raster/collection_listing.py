"""Which blobs a collection is made of: from a folder, a pattern or names to files held to their versions."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.errors import InvalidRequest, NotFound, PermanentTaskError
from core.ports import BlobInfo, BlobStore
from core.task_models.finding import Finding
from core.task_models.raster_collection import MAX_NAMED_FILES, CollectionFile, CollectionSources
from services.raster.findings import info
from services.raster.formats import GEOTIFF, HDF5, JPEG2000, NETCDF, ZIP

_SCHEME = "azure://"
_WILDCARD = re.compile(r"\*\*/?|\*|\?")
_MAX_STEM = 96
# Without pictures: beside rasters they are previews, and those that are rasters come in a zip.
_EXTENSIONS: frozenset[str] = frozenset().union(
    *(form.extensions for form in (GEOTIFF, JPEG2000, NETCDF, HDF5, ZIP))
)


@dataclass(slots=True)
class Listing:
    """The rasters that were found, by path, and the first of the blobs that are none."""

    rasters: list[BlobInfo] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    ignored_count: int = 0

    def ignore(self, uri: str) -> None:
        """Count a blob that is no raster."""
        self.ignored_count += 1
        if len(self.ignored) < MAX_NAMED_FILES:
            self.ignored.append(uri)

    def findings(self) -> tuple[Finding, ...]:
        """What to say about the blobs that were left out."""
        if not self.ignored_count:
            return ()
        message = f"{self.ignored_count} blobs are no rasters by their names and were left out."
        found = info("COLLECTION_FILES_IGNORED", message, file_count=self.ignored_count, files=self.ignored)
        return (found,)


def list_sources(storage: BlobStore, sources: CollectionSources, *, max_files: int) -> Listing:
    """The files of a collection, by path.

    Of a folder or pattern, those with the extension of a raster; sidecars and the rest are ignored. Blobs
    that are named must be there; whether they are rasters is seen when they are read.

    Raises:
        NotFound: SOURCE_NOT_FOUND: there is no such blob, or none at all.
        PermanentTaskError: COLLECTION_TOO_LARGE, or UNSUPPORTED_FORMAT when no blob is a raster.
        InvalidRequest: SOURCE_FORBIDDEN, BLOB_URI_INVALID.
        TransientError: STORAGE_TIMEOUT.
    """
    if sources.paths is not None:
        listing = Listing(_named(storage, sources.paths, max_files=max_files))
    else:
        listing = _found(storage, sources, max_files=max_files)
    if not listing.rasters:
        raise _nothing(sources, listing)
    listing.rasters.sort(key=lambda blob: blob.uri)
    return listing


def collection_files(blobs: Sequence[BlobInfo]) -> tuple[CollectionFile, ...]:
    """The blobs under names for parts: those of the files, made different where two folders share one."""
    stems = [_slug(PurePosixPath(blob.uri).stem) for blob in blobs]
    seen: dict[str, int] = {}
    for stem in stems:
        seen[stem.lower()] = seen.get(stem.lower(), 0) + 1
    return tuple(
        CollectionFile(
            name=stem if seen[stem.lower()] == 1 else f"{stem}-{_digest(blob.uri)}",
            uri=blob.uri,
            etag=blob.etag,
            size_bytes=blob.size_bytes,
        )
        for stem, blob in zip(stems, blobs, strict=True)
    )


def pattern_expression(pattern: str) -> re.Pattern[str]:
    """A glob as an expression: `*` and `?` stay within a folder, `**/` means any folders or none."""
    parts, end = list[str](), 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts.append(re.escape(pattern[end : wildcard.start()]))
        parts.append({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[wildcard.group()])
        end = wildcard.end()
    return re.compile("".join(parts) + re.escape(pattern[end:]))


def _named(storage: BlobStore, paths: Iterable[str], *, max_files: int) -> list[BlobInfo]:
    wanted = sorted(set(paths))
    if len(wanted) > max_files:
        raise _too_large(max_files)
    found, missing = list[BlobInfo](), list[str]()
    for uri in wanted:
        try:
            found.append(storage.info(uri))
        except NotFound:
            missing.append(uri)
    if missing:
        raise NotFound(
            f"{len(missing)} of {len(wanted)} blobs are not there.",
            code="SOURCE_NOT_FOUND",
            remedy="Check the names, and that the uploads have finished.",
            context={"count": len(missing), "files": missing[:MAX_NAMED_FILES]},
        )
    return found


def _found(storage: BlobStore, sources: CollectionSources, *, max_files: int) -> Listing:
    listing = Listing()
    for blob in _candidates(storage, sources):
        if not _is_raster(storage, blob):
            listing.ignore(blob.uri)
        elif len(listing.rasters) == max_files:
            raise _too_large(max_files)
        else:
            listing.rasters.append(blob)
    return listing


def _candidates(storage: BlobStore, sources: CollectionSources) -> Iterator[BlobInfo]:
    given = (sources.prefix or sources.pattern or "").removeprefix(_SCHEME)
    container, _, path = given.partition("/")
    if sources.prefix is not None:
        folder = path.rstrip("/") + "/" if path.strip("/") else ""
        yield from storage.list_blobs(container, folder)
        return
    expression = pattern_expression(path)
    start = _WILDCARD.split(path, maxsplit=1)[0]
    prefix = f"{_SCHEME}{container}/"
    for blob in storage.list_blobs(container, start):
        if expression.fullmatch(blob.uri.removeprefix(prefix)):
            yield blob


def _is_raster(storage: BlobStore, blob: BlobInfo) -> bool:
    """By the extension, and by whether the name is one that other calls accept."""
    if PurePosixPath(blob.uri).suffix.lower() not in _EXTENSIONS:
        return False
    try:
        storage.gdal_path(blob.uri)
    except InvalidRequest:
        return False
    return True


def _slug(stem: str) -> str:
    """Fit for a STAC id and a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).lstrip("_.-")[:_MAX_STEM] or "file"


def _digest(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:12]


def _nothing(sources: CollectionSources, listing: Listing) -> Exception:
    where = sources.prefix or sources.pattern
    if listing.ignored_count:
        return PermanentTaskError(
            f"None of the {listing.ignored_count} blobs at {where} is a raster by its name.",
            code="UNSUPPORTED_FORMAT",
            remedy=f"Rasters end in one of {', '.join(sorted(_EXTENSIONS))}.",
            context={"count": listing.ignored_count, "files": listing.ignored},
        )
    return NotFound(
        f"There are no blobs at {where}.",
        code="SOURCE_NOT_FOUND",
        remedy="Check the folder or pattern, and that the uploads have finished.",
    )


def _too_large(max_files: int) -> PermanentTaskError:
    return PermanentTaskError(
        f"The collection has more than {max_files} files.",
        code="COLLECTION_TOO_LARGE",
        remedy="Submit it in parts, or raise max_files if it is below 10,000.",
        context={"limit": max_files},
    )
