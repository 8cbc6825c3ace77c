"""DXF: entities as features, texts in their encoding, and what is not read."""

import pytest
import shapely

from tests.corpus.vector.dxf import BLOCK, INSERT, TEXT, drawing, line
from tests.unit.vector.conftest import Read, Refusal

ASKED = {"extra_formats": True, "source_crs": "EPSG:25832"}


def test_entities_and_their_layers(read: Read) -> None:
    layer = read("plan.dxf", drawing(line(), TEXT).encode(), **ASKED)

    assert (layer.name, layer.crs) == ("plan", "EPSG:25832")
    assert layer.column("Layer") == ["walls", "labels"]
    assert layer.column("Text") == [None, "Haus 7"]
    assert [shapely.from_wkb(wkb).geom_type for wkb in layer.geometries] == ["LineString", "Point"]


def test_a_block_lies_where_it_is_inserted(read: Read) -> None:
    layer = read("plan.dxf", drawing(INSERT, blocks=BLOCK).encode(), **ASKED)
    (wkb,) = layer.geometries

    assert shapely.from_wkb(wkb).bounds == (565000, 5930000, 565005, 5930005)
    assert layer.column("Layer") == ["trees"]


@pytest.mark.parametrize(
    ("text", "encoding", "version", "code_page", "asked"),
    [
        ("Größe", "cp1252", "AC1009", "ANSI_1252", None),
        ("Размер", "cp1251", "AC1009", "ANSI_1251", None),
        ("Размер", "cp1251", "AC1009", None, "cp1251"),
        ("Größe", "cp850", "AC1009", "DOS850", None),
        ("Größe 地図", "utf-8", "AC1021", None, None),
        ("Größe 地図", "utf-8", "AC1009", None, None),
        ("地図", "cp932", "AC1015", "ANSI_932", None),
    ],
)
def test_texts_in_the_encoding_that_the_drawing_names(
    read: Read, text: str, encoding: str, version: str, code_page: str | None, asked: str | None
) -> None:
    content = drawing([*TEXT[:-1], (1, text)], version=version, code_page=code_page).encode(encoding)

    assert read("plan.dxf", content, encoding=asked, **ASKED).column("Text") == [text]


def test_characters_written_as_escapes(read: Read) -> None:
    text = [(0, "MTEXT"), *TEXT[1:-1], (1, r"Gr\U+00F6\U+00DFe")]

    assert read("plan.dxf", drawing(text).encode(), **ASKED).column("Text") == ["Größe"]


def test_kinds_of_entities_that_are_not_read_are_counted(read: Read) -> None:
    ray = [(0, "RAY"), (8, "0"), (10, 0), (20, 0), (11, 1), (21, 1)]
    (finding,) = read("plan.dxf", drawing(line(), ray, ray).encode(), **ASKED).findings

    assert (finding.code, finding.context["entities"]) == ("ENTITIES_IGNORED", {"RAY": 2})


def test_something_else_under_its_name(refusal: Refusal) -> None:
    assert refusal("plan.dxf", b"just a note\nand another\n", **ASKED).code == "CONTENT_MISMATCH"
