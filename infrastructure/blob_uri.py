"""The one place that takes a blob's name apart."""

import re
from dataclasses import dataclass
from typing import Self

from core.errors import InvalidRequest

_SCHEME = "azure://"
# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\?#%]")
_MAX_PATH_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class BlobUri:
    """A container and the path of a blob in it. `str()` gives `azure://container/path`."""

    container: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `azure://container/path` or `container/path`.

        Nothing is decoded or normalised: a name that would mean another one after that is refused.

        Raises:
            InvalidRequest: BLOB_URI_INVALID.
        """
        container, _, path = text.removeprefix(_SCHEME).partition("/")
        if not _CONTAINER.fullmatch(container):
            raise _invalid("it must read azure://container/path")
        if not path or len(path) > _MAX_PATH_LENGTH:
            raise _invalid(f"the path must have 1 to {_MAX_PATH_LENGTH} characters")
        if _FORBIDDEN.search(path):
            raise _invalid("control characters and any of \\ ? # % are not allowed")
        if any(segment in {"", ".", ".."} for segment in path.split("/")):
            raise _invalid("empty segments, '.' and '..' are not allowed")
        return cls(container, path)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.container}/{self.path}"


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The blob name is not valid: {why}.",
        code="BLOB_URI_INVALID",
        remedy="Name the blob as azure://bronze/folder/file.tif.",
    )
