"""DXF, where the operator takes it. Source: Autodesk DXF reference, "Group codes"."""

from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused


def drawing(
    *entities: list[tuple[int, object]],
    blocks: list[tuple[int, object]] | None = None,
    version: str = "AC1009",
    code_page: str | None = None,
) -> str:
    """A drawing of entities, each a list of group codes and values."""
    groups: list[tuple[int, object]] = [(0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, version)]
    groups += [(9, "$DWGCODEPAGE"), (3, code_page)] if code_page else []
    groups += [(0, "ENDSEC")]
    if blocks:
        groups += [(0, "SECTION"), (2, "BLOCKS"), *blocks, (0, "ENDSEC")]
    groups += [(0, "SECTION"), (2, "ENTITIES"), *(pair for each in entities for pair in each), (0, "ENDSEC")]
    return "".join(f"{code}\n{value}\n" for code, value in [*groups, (0, "EOF")])


def line(layer: str = "walls") -> list[tuple[int, object]]:
    """A line near Hamburg in EPSG:25832."""
    return [
        (0, "LINE"),
        (8, layer),
        (10, 565000),
        (20, 5930000),
        (30, 0),
        (11, 565010),
        (21, 5930010),
        (31, 0),
    ]


TEXT = [(0, "TEXT"), (8, "labels"), (10, 565000), (20, 5930000), (30, 0), (40, 1), (1, "Haus 7")]
BLOCK = [(0, "BLOCK"), (8, "0"), (2, "TREE"), (70, 0), (10, 0), (20, 0), (30, 0), *[
    (0, "LINE"), (8, "0"), (10, 0), (20, 0), (30, 0), (11, 5), (21, 5), (31, 0)
], (0, "ENDBLK"), (8, "0")]  # fmt: skip
INSERT = [(0, "INSERT"), (8, "trees"), (2, "TREE"), (10, 565000), (20, 5930000), (30, 0)]


@case(
    "plain.dxf",
    accepted(Table("plain", 2, "GeometryZ", columns={"Layer": "text", "Text": "text"})),
    extra_formats=True,
    source_crs="EPSG:25832",
)
def plain(path: Path) -> None:
    path.write_text(drawing(line(), TEXT))


@case(
    "blocks.dxf",
    accepted(Table("blocks", 1, "MultiLineStringZ")),
    extra_formats=True,
    source_crs="EPSG:25832",
)
def blocks(path: Path) -> None:
    path.write_text(drawing(INSERT, blocks=BLOCK))


@case("no_crs.dxf", refused("CRS_MISSING"), extra_formats=True)
def no_crs(path: Path) -> None:
    path.write_text(drawing(line()))


@case("refused_by_the_operator.dxf", refused("UNSUPPORTED_FORMAT"), source_crs="EPSG:25832")
def refused_by_the_operator(path: Path) -> None:
    path.write_text(drawing(line()))


@case("cut_off.dxf", refused("CONTENT_MISMATCH"), extra_formats=True, source_crs="EPSG:25832")
def cut_off(path: Path) -> None:
    path.write_text(drawing(line(), line())[:-30])


@case("binary.dxf", refused("UNSUPPORTED_FORMAT"), extra_formats=True, source_crs="EPSG:25832")
def binary(path: Path) -> None:
    path.write_bytes(b"AutoCAD Binary DXF\r\n\x1a\x00\x00SECTION\x00")


@case("nothing_drawn.dxf", refused("NO_FEATURES"), extra_formats=True, source_crs="EPSG:25832")
def nothing_drawn(path: Path) -> None:
    path.write_text(drawing())


@case(
    "unread_entities.dxf",
    accepted(Table("unread_entities", 1, "MultiLineStringZ"), findings=("ENTITIES_IGNORED",)),
    extra_formats=True,
    source_crs="EPSG:25832",
)
def unread_entities(path: Path) -> None:
    path.write_text(drawing(line(), [(0, "RAY"), (8, "0"), (10, 0), (20, 0), (11, 1), (21, 1)]))


@case("code_page.dxf", accepted(Table("code_page", 1, "PointZ")), extra_formats=True, source_crs="EPSG:25832")
def code_page(path: Path) -> None:
    text = drawing([*TEXT[:-1], (1, "Размер")], code_page="ANSI_1251")
    path.write_bytes(text.encode("cp1251"))


@case(
    "encoding_guessed.dxf",
    accepted(Table("encoding_guessed", 1, "PointZ"), findings=("ENCODING_GUESSED",)),
    extra_formats=True,
    source_crs="EPSG:25832",
)
def encoding_guessed(path: Path) -> None:
    path.write_bytes(drawing([*TEXT[:-1], (1, "Größe")]).encode("cp1252"))


@case("wrong_code_page.dxf", refused("ENCODING_ERROR"), extra_formats=True, source_crs="EPSG:25832")
def wrong_code_page(path: Path) -> None:
    """Since AutoCAD 2007 texts are UTF-8."""
    path.write_bytes(drawing([*TEXT[:-1], (1, "Größe")], version="AC1021").encode("cp1252"))
