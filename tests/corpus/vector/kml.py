"""KML and KMZ: folders, attributes, and references that are not followed."""

from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused
from tests.vectors import zipped

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">'
_ELSEWHERE = "http://127.0.0.1:9/elsewhere.kml"


def placemark(name: str = "here", geometry: str = "<Point><coordinates>10,50</coordinates></Point>") -> str:
    """A feature of KML."""
    return f"<Placemark><name>{name}</name>{geometry}</Placemark>"


def document(content: str, *, name: str = "Doc") -> str:
    """A whole file."""
    return f"{_HEAD}<Document><name>{name}</name>{content}</Document></kml>"


def folder(name: str, content: str) -> str:
    return f"<Folder><name>{name}</name>{content}</Folder>"


@case("plain.kml", accepted(Table("Doc", 2, "Point", columns={"Name": "text"})))
def plain(path: Path) -> None:
    path.write_text(document(placemark("a") + placemark("b")), "utf-8")


@case(
    "folders.kml",
    accepted(Table("Doc", 1, "Point"), Table("Parks", 2, "Point"), Table("Trees & co", 1, "Point")),
)
def folders(path: Path) -> None:
    inner = folder("Trees &amp; co", placemark())
    path.write_text(
        document(placemark() + folder("Parks", placemark() + inner + placemark()) + folder("Empty", "")),
        "utf-8",
    )


@case("one_folder.kml", accepted(Table("Parks", 1, "Point")), layer="Parks")
def one_folder(path: Path) -> None:
    path.write_text(document(placemark() + folder("Parks", placemark())), "utf-8")


@case("twin_folders.kml", accepted(Table("A", 1, "Point"), Table("A (#2)", 2, "Point")))
def twin_folders(path: Path) -> None:
    path.write_text(document(folder("A", placemark()) + folder("A", placemark() * 2)), "utf-8")


@case("nameless.kml", accepted(Table("nameless", 1, "Point"), Table("Layer1", 1, "Point")))
def nameless(path: Path) -> None:
    path.write_text(f"{_HEAD}<Document>{placemark()}<Folder>{placemark()}</Folder></Document></kml>", "utf-8")


@case("one_placemark.kml", accepted(Table("one_placemark", 1, "Point")))
def one_placemark(path: Path) -> None:
    path.write_text(f"{_HEAD}{placemark()}</kml>", "utf-8")


@case(
    "attributes.kml",
    accepted(Table("Doc", 1, "Point", columns={"pop": "integer", "name": "text", "note": "text"})),
)
def attributes(path: Path) -> None:
    schema = '<Schema name="s" id="s"><SimpleField name="pop" type="int"/></Schema>'
    data = (
        '<ExtendedData><SchemaData schemaUrl="#s"><SimpleData name="pop">12</SimpleData></SchemaData>'
        '<Data name="note"><value>by the sea</value></Data><Data name="name"><value>its own</value></Data>'
        "</ExtendedData>"
    )
    place = "<Point><coordinates>10,50</coordinates></Point>"
    path.write_text(document(schema + placemark("a", data + place)), "utf-8")


@case(
    "values_of_every_kind.kml",
    accepted(
        Table(
            "Doc",
            2,
            "Point",
            columns={
                "address": "text",
                "phoneNumber": "text",
                "timestamp": "text",
                "begin": "date",
                "camp": "text",
            },
        )
    ),
)
def values_of_every_kind(path: Path) -> None:
    """What the usual reader leaves out: addresses, a year as a time, values of other namespaces."""
    place = "<Point><coordinates>10,50</coordinates></Point>"
    first = (
        "<address>Quay 1</address><phoneNumber>tel:+49</phoneNumber><TimeStamp><when>2010</when></TimeStamp>"
        '<ExtendedData xmlns:x="http://example.com/x"><x:camp>12</x:camp></ExtendedData>'
    )
    second = "<TimeSpan><begin>2010-05-01</begin></TimeSpan>"
    path.write_text(document(placemark("a", first + place) + placemark("b", second + place)), "utf-8")


@case("geometries.kml", accepted(Table("Doc", 4, "GeometryZ", nulls=1)))
def geometries(path: Path) -> None:
    ring = "<LinearRing><coordinates>0,0,1 1,0,1 1,1,1 0,0,1</coordinates></LinearRing>"
    polygon = f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"
    line = "<LineString><coordinates>0,0 1,1</coordinates></LineString>"
    path.write_text(
        document(
            placemark("a", polygon)
            + placemark("b", line)
            + placemark("c", f"<MultiGeometry>{polygon}{line}</MultiGeometry>")
            + placemark("d", "")
        ),
        "utf-8",
    )


@case("network_link.kml", accepted(Table("Doc", 1, "Point"), findings=("NETWORK_LINKS_IGNORED",)))
def network_link(path: Path) -> None:
    link = f"<NetworkLink><name>n</name><Link><href>{_ELSEWHERE}</href></Link></NetworkLink>"
    path.write_text(document(link + placemark()), "utf-8")


@case("only_a_network_link.kml", refused("NO_FEATURES"))
def only_a_network_link(path: Path) -> None:
    path.write_text(document(f"<NetworkLink><Link><href>{_ELSEWHERE}</href></Link></NetworkLink>"), "utf-8")


@case("foreign_style.kml", accepted(Table("Doc", 1, "Point")))
def foreign_style(path: Path) -> None:
    style = f"<styleUrl>{_ELSEWHERE}#s</styleUrl><Point><coordinates>10,50</coordinates></Point>"
    path.write_text(document(placemark("a", style)), "utf-8")


@case(
    "foreign_schema.kml",
    accepted(Table("Doc", 1, "Point", columns={"pop": "text"}), findings=("EXTERNAL_REFERENCES_IGNORED",)),
)
def foreign_schema(path: Path) -> None:
    data = (
        f'<ExtendedData><SchemaData schemaUrl="{_ELSEWHERE}#s"><SimpleData name="pop">12</SimpleData>'
        "</SchemaData></ExtendedData><Point><coordinates>10,50</coordinates></Point>"
    )
    path.write_text(document(placemark("a", data)), "utf-8")


@case("entities.kml", refused("XML_UNSAFE"))
def entities(path: Path) -> None:
    bomb = '<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    path.write_text(f'<?xml version="1.0"?>{bomb}<kml><Document><name>&c;</name></Document></kml>', "utf-8")


@case("foreign_entity.kml", refused("XML_UNSAFE"))
def foreign_entity(path: Path) -> None:
    outside = '<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    path.write_text(
        f'<?xml version="1.0"?>{outside}<kml><Document><name>&a;</name></Document></kml>', "utf-8"
    )


@case("bottomless.kml", refused("XML_UNSAFE"))
def bottomless(path: Path) -> None:
    path.write_text(document("<Folder>" * 50_000 + placemark() + "</Folder>" * 50_000), "utf-8")


@case("bad_coordinates.kml", refused("COORDINATE_PARSE"))
def bad_coordinates(path: Path) -> None:
    path.write_text(document(placemark("a", "<Point><coordinates>10;50</coordinates></Point>")), "utf-8")


@case("spaces_in_coordinates.kml", refused("COORDINATE_PARSE"))
def spaces_in_coordinates(path: Path) -> None:
    """`10, 50` as one place is a common mistake; as two values it would be two places."""
    path.write_text(
        document(placemark("a", "<LineString><coordinates>10 50 11 51</coordinates></LineString>")), "utf-8"
    )


@case("cut_off.kml", refused("CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    path.write_text(document(placemark() * 3)[:-40], "utf-8")


@case("two_documents.kml", refused("CONTENT_MISMATCH"))
def two_documents(path: Path) -> None:
    """KML allows one; LIBKML would read the second alone."""
    one = f"<Document><name>A</name>{placemark()}</Document>"
    path.write_text(f"{_HEAD}{one}{one.replace('A', 'B')}</kml>", "utf-8")


@case("not_kml.kml", refused("CONTENT_MISMATCH"))
def not_kml(path: Path) -> None:
    path.write_text("<html><body>Please sign in</body></html>", "utf-8")


@case("plain.kmz", accepted(Table("Doc", 1, "Point")))
def kmz(path: Path) -> None:
    path.write_bytes(zipped({"doc.kml": document(placemark()).encode(), "files/a.png": b"\x89PNG"}))


@case("two_files.kmz", accepted(Table("Doc", 1, "Point"), findings=("OTHER_FILES_IGNORED",)))
def kmz_of_two(path: Path) -> None:
    content = document(placemark()).encode()
    path.write_bytes(zipped({"doc.kml": content, "more/other.kml": content}))


@case("no_kml_inside.kmz", refused("CONTENT_MISMATCH"))
def kmz_without(path: Path) -> None:
    path.write_bytes(zipped({"readme.txt": b"nothing"}))


@case("bomb.kmz", refused("ARCHIVE_UNSAFE"))
def kmz_bomb(path: Path) -> None:
    path.write_bytes(zipped({"doc.kml": b" " * 50_000_000}))


@case("old_encoding.kml", accepted(Table("Döc", 1, "Point")))
def old_encoding(path: Path) -> None:
    text = document(placemark("Mühle"), name="Döc").replace("UTF-8", "ISO-8859-1")
    path.write_bytes(text.encode("latin-1"))


@case("wrong_encoding.kml", refused("CONTENT_MISMATCH", "ENCODING_ERROR"))
def wrong_encoding(path: Path) -> None:
    path.write_bytes(document(placemark("Mühle")).encode("latin-1"))
