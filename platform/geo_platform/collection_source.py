"""Where the files of a collection lie: a folder, a pattern, or names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from pydantic_core import PydanticCustomError

from core.errors import InvalidRequest
from geo_platform.source import normalise_source
from infrastructure.blob_uri import BlobUri

_WILDCARD = re.compile(r"[*?]")
_SCHEME = "azure://"


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """The source of a collection, normalised: exactly one of the three is there.

    Attributes:
        prefix: a folder, without the slash at its end; all that lies below it.
        pattern: a URI in whose path `*` and `?` stand for characters of a name, `**` also for folders.
    """

    prefix: str | None = None
    pattern: str | None = None
    paths: tuple[str, ...] | None = None

    @property
    def parameters(self) -> dict[str, str | list[str]]:
        """As `CollectionSources` has it."""
        given = {"prefix": self.prefix, "pattern": self.pattern, "paths": self.paths}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None
        }

    @property
    def name(self) -> str:
        """In one line, for people; of many names the first."""
        if self.paths is None:
            return f"{self.prefix}/" if self.prefix else self.pattern or ""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"

    @property
    def containers(self) -> frozenset[str]:
        """Where it lies; a folder or pattern lies in one."""
        named: Sequence[str] = self.paths or (self.prefix or self.pattern or "",)
        return frozenset(uri.removeprefix(_SCHEME).partition("/")[0] for uri in named)

    @property
    def listing(self) -> tuple[str, str] | None:
        """The container, and how the paths in it must begin; None for names."""
        if self.paths is not None:
            return None
        container, _, path = (
            (f"{self.prefix}/" if self.prefix else self.pattern or "").removeprefix(_SCHEME).partition("/")
        )
        return container, _WILDCARD.split(path, maxsplit=1)[0]


def normalise_source_path(path: str) -> str:
    """A folder (with its slash) or a pattern as a URI.

    Raises:
        PydanticCustomError: (source_invalid) it is neither, or could mean another place than it says.
    """
    if _WILDCARD.search(path):
        return normalise_pattern(path)
    if not path.endswith("/"):
        raise PydanticCustomError(
            "source_invalid", "a folder ends in '/', and a pattern has '*' or '?'; blobs go into blob_paths"
        )
    return normalise_source(path.removesuffix("/")) + "/"


def normalise_any_source(path: str) -> str:
    """A blob, a folder or a pattern as a URI.

    Raises:
        PydanticCustomError: (source_invalid) it could mean another place than it says.
    """
    is_one = not path.endswith("/") and not _WILDCARD.search(path)
    return normalise_source(path) if is_one else normalise_source_path(path)


def normalise_pattern(pattern: str) -> str:
    """`azure://container/path` with its wildcards.

    Raises:
        PydanticCustomError: (source_invalid) it has no wildcard, or one in the container's name, or could
            mean another place than it says.
    """
    try:
        text = unquote(pattern, errors="strict")
        BlobUri.parse(_WILDCARD.sub("x", text))
    except UnicodeDecodeError as exc:
        raise PydanticCustomError("source_invalid", "the percent-encoding is not UTF-8") from exc
    except InvalidRequest as exc:
        raise PydanticCustomError("source_invalid", "{why}", {"why": exc.message}) from exc
    container, _, path = text.removeprefix(_SCHEME).partition("/")
    if _WILDCARD.search(container) or not _WILDCARD.search(path):
        raise PydanticCustomError("source_invalid", "a pattern has '*' or '?' in its path, and only there")
    return f"{_SCHEME}{container}/{path}"


def collection_source(
    *, source_path: str | None, blob_pattern: str | None, blob_paths: tuple[str, ...] | None
) -> CollectionSource:
    """The source of three normalised fields, one of which is given."""
    if blob_paths is not None:
        return CollectionSource(paths=tuple(sorted(blob_paths)))
    given = blob_pattern or source_path or ""
    if _WILDCARD.search(given):
        return CollectionSource(pattern=given)
    return CollectionSource(prefix=given.removesuffix("/"))
