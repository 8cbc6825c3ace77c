"""GML, where the operator takes it."""

from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused

_EPSG_4326 = "urn:ogc:def:crs:EPSG::4326"


def collection(*members: str, head: str = "") -> str:
    """A feature collection of GML 3.2."""
    content = "".join(f"<gml:featureMember>{each}</gml:featureMember>" for each in members)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" '
        'xmlns:app="http://example.com/app" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://example.com/app http://127.0.0.1:9/app.xsd">'
        f"{content}</gml:FeatureCollection>"
    )


def place(number: int, *, srs: str = _EPSG_4326, pos: str = "50 10", kind: str = "place") -> str:
    """A feature with a point."""
    return (
        f'<app:{kind} gml:id="f{number}"><app:name>Zoë {number}</app:name><app:height>{number}</app:height>'
        f'<app:geom><gml:Point srsName="{srs}" gml:id="g{number}"><gml:pos>{pos}</gml:pos></gml:Point>'
        "</app:geom>"
        f"</app:{kind}>"
    )


@case(
    "plain.gml",
    accepted(Table("place", 2, "Point", columns={"name": "text", "height": "integer"})),
    extra_formats=True,
)
def plain(path: Path) -> None:
    path.write_text(collection(place(1), place(2, pos="51 11")), "utf-8")


@case("refused_by_the_operator.gml", refused("UNSUPPORTED_FORMAT"))
def refused_by_the_operator(path: Path) -> None:
    path.write_text(collection(place(1)), "utf-8")


@case("two_kinds.gml", accepted(Table("place", 1, "Point"), Table("tree", 1, "Point")), extra_formats=True)
def two_kinds(path: Path) -> None:
    path.write_text(collection(place(1), place(2, kind="tree")), "utf-8")


@case("arcs.gml", accepted(Table("road", 1, "MultiLineString"), steps={"curves": 1}), extra_formats=True)
def arcs(path: Path) -> None:
    arc = "<gml:Arc><gml:posList>565000 5930000 565010 5930010 565000 5930020</gml:posList></gml:Arc>"
    curve = f'<gml:Curve srsName="EPSG:25832" gml:id="c"><gml:segments>{arc}</gml:segments></gml:Curve>'
    path.write_text(
        collection(f'<app:road gml:id="r"><app:n>1</app:n><app:geom>{curve}</app:geom></app:road>'), "utf-8"
    )


@case(
    "references.gml",
    accepted(Table("place", 2, "Point", nulls=1), findings=("EXTERNAL_REFERENCES_IGNORED",)),
    extra_formats=True,
)
def references(path: Path) -> None:
    link = '<app:geom xlink:href="http://127.0.0.1:9/a.gml#g"/>'
    remote = f'<app:place gml:id="f2"><app:name>b</app:name><app:height>2</app:height>{link}</app:place>'
    path.write_text(collection(place(1), remote), "utf-8")


@case("entities.gml", refused("XML_UNSAFE"), extra_formats=True)
def entities(path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    path.write_text(collection(place(1), head=bomb), "utf-8")


@case("two_systems.gml", refused("CRS_UNKNOWN"), extra_formats=True)
def two_systems(path: Path) -> None:
    path.write_text(
        collection(place(1), place(2, srs="urn:ogc:def:crs:EPSG::25832", pos="565000 5930000")), "utf-8"
    )


@case("foreign_system.gml", refused("CRS_UNKNOWN"), extra_formats=True)
def foreign_system(path: Path) -> None:
    path.write_text(collection(place(1, srs="http://127.0.0.1:9/crs.xml")), "utf-8")


@case("bad_coordinates.gml", refused("COORDINATE_PARSE"), extra_formats=True)
def bad_coordinates(path: Path) -> None:
    path.write_text(collection(place(1, pos="fifty ten")), "utf-8")


@case("cut_off.gml", refused("CONTENT_MISMATCH"), extra_formats=True)
def cut_off(path: Path) -> None:
    path.write_text(collection(place(1), place(2))[:-60], "utf-8")


@case("no_features.gml", refused("NO_FEATURES"), extra_formats=True)
def no_features(path: Path) -> None:
    path.write_text(collection(), "utf-8")
