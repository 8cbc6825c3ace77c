"""DXF, where the operator takes it: drawings, whose places mean what the client says (`source_crs`).

Blocks become the geometries that they are made of, texts become attributes. A drawing has no CRS and no
null geometries; what kinds of entities the driver leaves out is counted here and said. Source: Autodesk DXF
reference, "Group codes"; GDAL's page of the driver.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import ogr
from services.vector.file_encoding import encoding_of
from services.vector.findings import warning
from services.vector.layers import choose_layers
from services.vector.source import Census, SourceLayer
from services.vector.stream import LayerStream

_BINARY = b"AutoCAD Binary DXF"
_LONGEST_LINE = 2**20
_LAYER = "entities"  # what the driver calls its only layer
_READ = frozenset(
    """
    POINT LINE LWPOLYLINE POLYLINE CIRCLE ELLIPSE ARC SPLINE HELIX 3DFACE SOLID TRACE TEXT MTEXT ATTDEF
    INSERT DIMENSION HATCH LEADER MULTILEADER MLEADER
    """.split()  # noqa: SIM905 (a list of words to be read)
)
_VARIABLES = ("$ACADVER", "$DWGCODEPAGE")
_FIRST_IN_UTF8 = "AC1021"
_PARTS = frozenset({"VERTEX", "SEQEND", "ATTRIB", "ENDSEC", "SECTION", "ENDBLK"})


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The entities of a drawing, as one layer named like the file.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, UNSUPPORTED_FORMAT, CRS_MISSING, NO_FEATURES,
            ENCODING_ERROR or LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    drawing = _drawing(path)
    entities = drawing.entities
    if not any(entities[kind] for kind in _READ):
        raise PermanentTaskError(
            "The drawing has no entities that become features.",
            code="NO_FEATURES",
            remedy="Submit a drawing with points, lines, polylines, arcs, hatches, texts or blocks.",
            context={"entities": dict(entities.most_common(20))},
        )
    if reading.source_crs is None:
        raise PermanentTaskError(
            "A drawing does not say what its coordinates mean.",
            code="CRS_MISSING",
            remedy="Give source_crs, the CRS that it was drawn in.",
        )
    encoding, findings = encoding_of(path, asked=reading.encoding or drawing.encoding)
    layer = SourceLayer(
        format=VectorFormat.DXF,
        path=path,
        name=name,
        census=Census(feature_count=None, null_geometry_limit=0, empty_geometry_limit=None),
        ogr_name=_LAYER,
        dialect=encoding,
        findings=(*findings, *_findings(entities)),
    )
    return (layer,)


@contextmanager
def read(layer: SourceLayer, *, reading: VectorReading) -> Iterator[LayerStream]:
    """Open the drawing, with texts as UTF-8; see `LayerStream`."""
    name = str(layer.dialect).upper().replace("ISO8859-", "ISO-8859-")  # as GDAL spells it
    with ogr.gdal_options({"DXF_ENCODING": name}), ogr.read(layer, reading=reading) as stream:
        yield stream


@dataclass(slots=True)
class _Drawing:
    """How many entities of each kind there are; header variables that tell the encoding; the last mark."""

    entities: Counter[str] = field(default_factory=Counter)
    variables: dict[str, str] = field(default_factory=dict)
    last: str = ""

    @property
    def encoding(self) -> str | None:
        """What the header says, as Python names it: UTF-8 since AutoCAD 2007, before that a code page."""
        if self.variables.get("$ACADVER", "") >= _FIRST_IN_UTF8:
            return "utf-8"
        page = re.fullmatch(
            r"(?:ANSI_|DOS|CP)?(\d{3,4})", self.variables.get("$DWGCODEPAGE", ""), re.IGNORECASE
        )
        return f"cp{page[1]}" if page else None


def _drawing(path: Path) -> _Drawing:
    """What the file says of itself.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: it is no DXF, or cut off; UNSUPPORTED_FORMAT: it is binary.
    """
    found = _Drawing()
    section, variable = "", ""
    is_section = False
    for code, value in _groups(path):
        found.last = value if code == 0 else found.last
        if is_section and code == 2:
            section = value
        is_section = code == 0 and value == "SECTION"
        if code == 0 and value == "ENDSEC":
            section = ""
        elif code == 0 and section == "ENTITIES" and value not in _PARTS:
            found.entities[value] += 1
        elif section == "HEADER" and code == 9:
            variable = value
        elif section == "HEADER" and variable in _VARIABLES:
            found.variables.setdefault(variable, value)
    if found.last != "EOF":
        raise _damaged("The drawing is cut off: it has no end.")
    return found


def _groups(path: Path) -> Iterator[tuple[int, str]]:
    """The pairs of lines that a DXF file is made of: a code, and its value."""
    with path.open("rb") as file:
        if file.read(len(_BINARY)) == _BINARY:
            raise PermanentTaskError(
                "Binary DXF is not read.", code="UNSUPPORTED_FORMAT", remedy="Save the drawing as ASCII DXF."
            )
        file.seek(0)
        while code := file.readline(_LONGEST_LINE):
            value = file.readline(_LONGEST_LINE)
            try:
                number = int(code)
            except ValueError as exc:
                raise _damaged("The file is no DXF: a group code is no number.") from exc
            yield number, value.strip().decode("latin-1")
            if number == 0 and value.strip() == b"EOF":
                return


def _damaged(message: str) -> PermanentTaskError:
    return PermanentTaskError(message, code="CONTENT_MISMATCH", remedy="Save it again whole, as ASCII DXF.")


def _findings(entities: Counter[str]) -> tuple[Finding, ...]:
    ignored = {kind: count for kind, count in entities.items() if kind not in _READ}
    if not ignored:
        return ()
    return (
        warning(
            "ENTITIES_IGNORED",
            "Some kinds of entities of the drawing are not read.",
            remedy="Convert them to lines, polylines or hatches if they matter.",
            entities=dict(Counter(ignored).most_common(20)),
        ),
    )
