"""In which encoding a text file is, when nothing or somebody says it. It is tried on the whole file."""

import codecs
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.vector.findings import warning

_CHUNK_BYTES = 2**20
_LEAST_LIKELY, _SHORT_RUN = 0.75, 2
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path, *, asked: str | None) -> tuple[str, tuple[Finding, ...]]:
    """The encoding, as Python names it: the one `asked` for, or what the bytes show.

    Raises:
        PermanentTaskError: ENCODING_ERROR: the texts are not in it, or it cannot be told.
    """
    if asked is not None:
        return _named(path, asked), ()
    with path.open("rb") as file:
        if file.read(2) in _UTF16_MARKS:
            return _named(path, "utf-16"), ()
    if _undecodable(path, "utf-8") is None:
        return "utf-8", ()
    return _guessed(path)


def _named(path: Path, encoding: str) -> str:
    try:
        b"".decode(encoding)
        name = codecs.lookup(encoding).name.removesuffix("-sig")  # a mark is looked for in any case
    except (LookupError, ValueError) as exc:
        raise bad_encoding(f"There is no encoding {encoding!r}.") from exc
    position = _undecodable(path, name)
    if position is not None:
        raise bad_encoding(f"The file is not {name}.", line=_line_at(path, position))
    return name


def _undecodable(path: Path, encoding: str) -> int | None:
    """About where the first byte stands that is not of the encoding; None if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
                position += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError as exc:
        return position + max(getattr(exc, "start", 0), 0)
    return None


def _guessed(path: Path) -> tuple[str, tuple[Finding, ...]]:
    """cp1252, if it looks like it: its letters with accents stand alone or in twos between plain ones.

    Raises:
        PermanentTaskError: ENCODING_ERROR: runs of such letters are another alphabet in another encoding.
    """
    position = _undecodable(path, "cp1252")
    likelihood = 0.0 if position is not None else _share_of_short_runs(path)
    if likelihood < _LEAST_LIKELY:
        line = _line_at(path, _undecodable(path, "utf-8") or 0)
        raise bad_encoding("The file is not UTF-8, and its encoding cannot be told.", line=line)
    finding = warning(
        "ENCODING_GUESSED",
        f"The file is not UTF-8; its texts were read as cp1252, with a likelihood of {likelihood:.0%}.",
        remedy="Look at letters with accents; name the encoding in processing_config.encoding.",
        encoding="cp1252",
        likelihood=round(likelihood, 2),
    )
    return "cp1252", (finding,)


def _share_of_short_runs(path: Path) -> float:
    """The share of the bytes above 127 that stand in runs of one or two."""
    high = short = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            is_high = bytes(255 if byte > 127 else 0 for byte in range(256))
            marks = chunk.translate(is_high)
            high += marks.count(255)
            short += sum(len(run) for run in marks.split(b"\0") if len(run) <= _SHORT_RUN)
    return short / high if high else 1.0


def _line_at(path: Path, position: int) -> int:
    """The line (from 1) of a byte."""
    lines = 1
    with path.open("rb") as file:
        while position > 0 and (chunk := file.read(min(position, _CHUNK_BYTES))):
            lines += chunk.count(b"\n")
            position -= len(chunk)
    return lines


def bad_encoding(message: str, **context: object) -> PermanentTaskError:
    """The error for a file whose texts cannot be read."""
    return PermanentTaskError(
        message,
        code="ENCODING_ERROR",
        remedy="Save the file as UTF-8, or name its encoding (processing_config.encoding).",
        context=context,
    )
