"""GML, where the operator takes it: read by GDAL's driver after a walk of our own through the file.

No schema and no reference is fetched: types come from the values, and a geometry that is only referred to is
none. Source: OGC GML 3.2.1; GML 2.1.2.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import ogr
from services.vector.findings import warning
from services.vector.layers import choose_layers
from services.vector.source import GDAL_DRIVERS, Census, SourceLayer
from services.vector.xml_scan import XmlScan, is_external

_MEMBERS = frozenset({"featureMember", "featureMembers", "member", "members", "cityObjectMember"})
_GEOMETRIES = frozenset(
    """
    Point LineString LinearRing Polygon MultiPoint MultiLineString MultiPolygon MultiGeometry Curve
    MultiCurve Surface MultiSurface CompositeCurve CompositeSurface OrientableCurve Solid MultiSolid
    CompositeSolid PolyhedralSurface TriangulatedSurface Tin Box Envelope
    """.split()  # noqa: SIM905 (a list of words to be read)
)
_COORDINATES = frozenset({"pos", "posList", "lowerCorner", "upperCorner", "coordinates"})
_NUMBERS = re.compile(r"[0-9eE.,+\-\s]*")
_SRS = re.compile(
    r"(?:EPSG:|urn:(?:x-)?ogc:def:crs:EPSG:[0-9.]*:|https?://www\.opengis\.net/(?:gml/srs/epsg\.xml#|def/crs/EPSG/[0-9.]+/))"
    r"(?P<code>[0-9]{4,6})|urn:ogc:def:crs:OGC:[0-9.]*:CRS84|https?://www\.opengis\.net/def/crs/OGC/[0-9.]+/CRS84"
)
_OPEN_OPTIONS = (("DOWNLOAD_SCHEMA", "NO"), ("WRITE_GFS", "NO"))
_AS_WRITTEN = (("GML_FIELDTYPES", "ALWAYS_STRING"),)
_FEATURE_DEPTH = 3  # collection, member, feature
_SHOWN = 10


@dataclass(slots=True)
class _GmlCensus:
    """Features by their names, those without a geometry, CRSs, references, and lines of bad coordinates."""

    features: Counter[str] = field(default_factory=Counter)
    without_geometry: Counter[str] = field(default_factory=Counter)
    srs_names: set[str] = field(default_factory=set)
    external: int = 0
    bad_lines: list[int] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _has_geometry: bool = False
    _text: list[str] | None = None
    _scan: XmlScan | None = None

    def take(self, path: Path) -> None:
        self._scan = XmlScan(start=self._start, end=self._end, text=self._add_text)
        self._scan.run(path)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if self._is_feature():
            self._has_geometry = False
        elif name in _GEOMETRIES and "boundedBy" not in self._path:
            self._has_geometry = True
        if name in _COORDINATES and not {"decimal", "cs", "ts"} & attributes.keys():
            self._text = []
        for key, value in attributes.items():
            if key == "srsName":
                self.srs_names.add(value.strip())
            elif key.rpartition(":")[2] == "href" and is_external(value):
                self.external += 1

    def _add_text(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        if self._text is not None and name in _COORDINATES:
            if not _NUMBERS.fullmatch("".join(self._text)) and len(self.bad_lines) < _SHOWN:
                assert self._scan is not None
                self.bad_lines.append(self._scan.line)
            self._text = None
        if self._is_feature():
            self.features[name] += 1
            self.without_geometry[name] += not self._has_geometry
        self._path.pop()

    def _is_feature(self) -> bool:
        return len(self._path) == _FEATURE_DEPTH and self._path[-2] in _MEMBERS


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:  # noqa: ARG001
    """Every kind of feature that has a geometry, or those wanted.

    Raises:
        PermanentTaskError: XML_UNSAFE, CONTENT_MISMATCH, ENCODING_ERROR, COORDINATE_PARSE, CRS_UNKNOWN,
            NO_FEATURES, LAYER_NOT_FOUND or LAYER_LIMIT.
    """
    census = _GmlCensus()
    census.take(path)
    _refuse_bad(census)
    if not census.features:
        raise PermanentTaskError(
            "The file has no features.", code="NO_FEATURES", remedy="Submit a GML feature collection."
        )
    listed = [each for each, is_place in ogr.layer_names(path, driver=_driver()) if is_place]
    path.with_suffix(".gfs").unlink(missing_ok=True)  # the types in it would hold whatever is asked for
    chosen, findings = choose_layers(listed, reading.layers), _findings(census)
    return tuple(
        SourceLayer(
            format=VectorFormat.GML,
            path=path,
            name=each,
            census=_of_layer(census, each),
            ogr_name=each,
            open_options=_OPEN_OPTIONS,
            as_written=_AS_WRITTEN,
            findings=findings,
        )
        for each in chosen
    )


def _driver() -> str:
    return GDAL_DRIVERS[VectorFormat.GML]


def _of_layer(census: _GmlCensus, name: str) -> Census:
    if name not in census.features:
        return Census(feature_count=None, null_geometry_limit=None, empty_geometry_limit=None)
    return Census(census.features[name], census.without_geometry[name], None)


def _refuse_bad(census: _GmlCensus) -> None:
    if census.bad_lines:
        raise PermanentTaskError(
            "Some coordinates are no numbers.",
            code="COORDINATE_PARSE",
            remedy="Correct the lines named.",
            context={"lines": census.bad_lines},
        )
    matches = {name: _SRS.fullmatch(name) for name in census.srs_names}
    unknown = sorted(name[:100] for name, match in matches.items() if match is None)
    different = {match["code"] for match in matches.values() if match is not None}
    if unknown or len(different) > 1:
        raise PermanentTaskError(
            "The file names a CRS that is not one of the EPSG registry, or more than one.",
            code="CRS_UNKNOWN",
            remedy="Export it in one CRS, named urn:ogc:def:crs:EPSG::<code>.",
            context={"srs_names": sorted(name[:100] for name in census.srs_names)[:_SHOWN]},
        )


def _findings(census: _GmlCensus) -> tuple[Finding, ...]:
    if not census.external:
        return ()
    return (
        warning(
            "EXTERNAL_REFERENCES_IGNORED",
            "The file refers to other documents, which are not fetched.",
            remedy="Export it with everything in one file.",
            count=census.external,
        ),
    )
