"""The attributes of a Shapefile: how many records, and in which encoding their texts are.

Source: dBASE III header; the language drivers (byte 29) as ESRI and FoxPro write them.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError

HEADER_BYTES = 32
_LANGUAGE_DRIVER = 29
_DELETED = ord("*")
_CHUNK_BYTES = 2**22
_LANGUAGE_DRIVERS = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x08: "cp865", 0x09: "cp437", 0x0A: "cp850",
    0x0B: "cp437", 0x0D: "cp437", 0x0E: "cp850", 0x0F: "cp437", 0x10: "cp850", 0x11: "cp437",
    0x12: "cp850", 0x13: "cp932", 0x14: "cp850", 0x15: "cp437", 0x16: "cp850", 0x17: "cp865",
    0x18: "cp437", 0x19: "cp437", 0x1A: "cp850", 0x1B: "cp437", 0x1C: "cp863", 0x1D: "cp850",
    0x1F: "cp852", 0x22: "cp852", 0x23: "cp852", 0x24: "cp860", 0x25: "cp850", 0x26: "cp866",
    0x37: "cp850", 0x40: "cp852", 0x4D: "cp936", 0x4E: "cp949", 0x4F: "cp950", 0x50: "cp874",
    0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866", 0x66: "cp865",
    0x67: "cp861", 0x6A: "cp737", 0x6B: "cp857", 0x6C: "cp863", 0x78: "cp950", 0x79: "cp949",
    0x7A: "cp936", 0x7B: "cp932", 0x7C: "cp874", 0x86: "cp737", 0x87: "cp852", 0x88: "cp857",
    0xC8: "cp1250", 0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """`count` records, of which `deleted` are marked as such and are read by nobody."""

    count: int
    deleted: int


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """As Python names it; `is_assumed` when nothing in the file names it."""

    name: str
    is_assumed: bool = False


@dataclass(frozen=True, slots=True)
class RecordArea:
    """Where the records of a .dbf lie: `count` of `width` bytes, from the byte `begin` on."""

    path: Path
    begin: int
    count: int
    width: int

    def records(self) -> np.ndarray:
        """A row of bytes for each record; there must be one at least."""
        shape = (self.count, self.width)
        return np.memmap(self.path, dtype=np.uint8, mode="r", offset=self.begin, shape=shape)

    @staticmethod
    def is_deleted(records: np.ndarray) -> np.ndarray:
        """Which of these records are marked as deleted."""
        marks: np.ndarray = records[:, 0] == _DELETED
        return marks


def records(dbf: Path) -> Records | None:
    """The records that a .dbf declares; None if it is too short to hold them."""
    area = record_area(dbf)
    if area is None or not area.count:
        return None if area is None else Records(count=0, deleted=0)
    return Records(count=area.count, deleted=int(np.count_nonzero(area.is_deleted(area.records()))))


def record_area(dbf: Path) -> RecordArea | None:
    """Where the records that a .dbf declares lie; None if it is too short to hold them."""
    with dbf.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    count, header_bytes, record_bytes = (
        int.from_bytes(header[start:end], "little") for start, end in ((4, 8), (8, 10), (10, 12))
    )
    if dbf.stat().st_size < header_bytes + count * record_bytes or (count and not record_bytes):
        return None
    return RecordArea(path=dbf, begin=header_bytes, count=count, width=record_bytes)


def encoding(dbf: Path, *, cpg: Path, wanted: str | None) -> TextEncoding:
    """The encoding of the texts: the `wanted` one, that of the .cpg, of the header, or a likely one.

    Raises:
        PermanentTaskError: ENCODING_ERROR: it is named by a name that is not known.
    """
    if wanted is not None:
        return TextEncoding(_known(wanted))
    if cpg.exists() and (named := cpg.read_bytes()[:64].decode("ascii", "replace").strip("\0 \t\r\n\ufeff")):
        return TextEncoding(_known(_spelled(named)))
    with dbf.open("rb") as file:
        driver = file.read(HEADER_BYTES)[_LANGUAGE_DRIVER]
    if driver in _LANGUAGE_DRIVERS:
        return TextEncoding(_LANGUAGE_DRIVERS[driver])
    return _likely(dbf)


def _spelled(named: str) -> str:
    """`1252`, `ANSI 1252`, `OEM 850`, `88591`, `LDID/87` as Python knows them."""
    word = re.sub(r"^(?:ANSI|OEM|MS|WINDOWS|CP)[ _-]*(?=\d)", "", named.upper())
    if word.startswith("LDID/") and word[5:].isdigit():
        return _LANGUAGE_DRIVERS.get(int(word[5:]), named)
    if found := re.fullmatch(r"(?:ISO[ _-]?)?8859[ _-]?(\d{1,2})", word):
        return f"iso8859-{found[1]}"
    if word in ("65001", "UTF8"):
        return "utf-8"
    return f"cp{word}" if re.fullmatch(r"\d{3,5}", word) else word


def _known(name: str) -> str:
    """The encoding as Python calls it, if it is one of texts."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)  # codecs that turn bytes into bytes cannot
    except (LookupError, ValueError) as exc:
        raise PermanentTaskError(
            f"There is no encoding {name!r}.",
            code="ENCODING_ERROR",
            remedy="Name one that Python knows in processing_config.encoding, for example cp1252 or utf-8.",
            context={"encoding": name},
        ) from exc
    return found.name


def _likely(dbf: Path) -> TextEncoding:
    """ASCII and UTF-8 show themselves; what is neither is most often Windows' western encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        with dbf.open("rb") as file:
            file.seek(HEADER_BYTES)
            while chunk := file.read(_CHUNK_BYTES):
                is_ascii = is_ascii and chunk.isascii()
                decoder.decode(chunk)
    except UnicodeDecodeError:
        return TextEncoding("cp1252", is_assumed=True)
    return TextEncoding("utf-8", is_assumed=not is_ascii)
