"""XML from outside, read as a stream: no document types, no entities, no bottomless nesting, no references.

The parser below (expat) never fetches anything. What is read here before GDAL sees it has no entity to
expand, and is well-formed to its end.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from core.errors import PermanentTaskError

MAX_DEPTH = 100  # LIBKML parses no deeper
_CHUNK_BYTES = 2**20
_TEXT_BUFFER_BYTES = 2**16


@dataclass(slots=True)
class XmlScan:
    """A walk through a file. `line` is where it stands, from 1; names come without their prefix.

    `start` gets the name and the attributes of an element, `end` its name, `text` characters as they come.
    """

    start: Callable[[str, Mapping[str, str]], None]
    end: Callable[[str], None]
    text: Callable[[str], None]
    line: int = 0
    depth: int = 0

    def run(self, path: Path) -> None:
        """Walk through the whole file.

        Raises:
            PermanentTaskError: XML_UNSAFE, CONTENT_MISMATCH (not well-formed) or ENCODING_ERROR.
        """
        parser = expat.ParserCreate()
        parser.buffer_text, parser.buffer_size = True, _TEXT_BUFFER_BYTES
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        parser.StartElementHandler = lambda name, attributes: self._start(parser, name, attributes)
        parser.EndElementHandler = lambda name: self._end(parser, name)
        parser.CharacterDataHandler = self.text
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as exc:
            raise _malformed(exc) from exc

    def _start(self, parser: expat.XMLParserType, name: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise unsafe(f"Elements are nested deeper than {MAX_DEPTH}.", line=parser.CurrentLineNumber)
        self.line = parser.CurrentLineNumber
        self.start(name.rpartition(":")[2], attributes)

    def _end(self, parser: expat.XMLParserType, name: str) -> None:
        self.depth -= 1
        self.line = parser.CurrentLineNumber
        self.end(name.rpartition(":")[2])

    def _refuse_document_type(self, *_: object) -> None:
        raise unsafe("The file declares a document type, which may hold entities.")


def unsafe(message: str, **context: object) -> PermanentTaskError:
    """The error for XML that is not read any further."""
    return PermanentTaskError(
        message,
        code="XML_UNSAFE",
        remedy="Write the file without a DOCTYPE, and without elements nested that deep.",
        context=context,
    )


def is_external(reference: str) -> bool:
    """Whether a reference leaves the file."""
    return bool(reference.strip()) and not re.match(r"\s*#", reference)


def _malformed(exc: Exception) -> PermanentTaskError:
    is_text = (
        isinstance(exc, expat.ExpatError)
        and exc.code == expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
    )
    encoding = isinstance(exc, LookupError | ValueError)
    return PermanentTaskError(
        "The file is not well-formed XML: it is damaged or cut off.",
        code="ENCODING_ERROR" if encoding else "CONTENT_MISMATCH",
        remedy="Export it again; texts must be in the encoding that the first line declares."
        if encoding or is_text
        else "Export it again, and upload it whole.",
        context={"line": getattr(exc, "lineno", None)},
    )
