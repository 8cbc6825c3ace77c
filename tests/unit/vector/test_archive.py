"""Archives: what is unsafe is refused before it is unpacked."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.unit.vector.conftest import Admit, Refusal
from tests.vectors import points, shapefile_parts, with_symlink, zipped, zipped_shapefile

GOOD_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    return shapefile_parts(tmp_path, points(3))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../places.shp", b"x"),
        ("a/../../places.shp", b"x"),
        ("/etc/places.shp", b"x"),
        ("C:/places.shp", b"x"),
        ("a\\..\\places.shp", b"x"),
        ("inner.zip", b"PK\x03\x04"),
        ("inner.tar.gz", b"x"),
        ("run.exe", b"MZ"),
        ("PLACES.SHP", b"x"),
        ("notes.txt", b"0" * 50_000_000),
    ],
)
def test_an_archive_with_an_unsafe_entry_is_refused(
    refusal: Refusal, parts: dict[str, bytes], name: str, content: bytes
) -> None:
    files = {f"places{suffix}": part for suffix, part in parts.items()} | {name: content}

    assert refusal("places.zip", zipped(files)).code == "ARCHIVE_UNSAFE"


def test_a_link_in_an_archive_is_refused(refusal: Refusal, parts: dict[str, bytes]) -> None:
    assert refusal("a.zip", with_symlink(zipped_shapefile(parts), "other.txt")).code == "ARCHIVE_UNSAFE"


def test_an_encrypted_entry_is_refused(refusal: Refusal, parts: dict[str, bytes]) -> None:
    content = bytearray(zipped_shapefile(parts))
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 0x1  # general purpose flag, bit 0

    assert refusal("a.zip", bytes(content)).code == "ARCHIVE_UNSAFE"


def test_an_archive_in_the_archive_is_called_one(refusal: Refusal, parts: dict[str, bytes]) -> None:
    files = {f"places{suffix}": part for suffix, part in parts.items()} | {"inner.zip": b"PK"}

    assert "archive itself" in refusal("a.zip", zipped(files)).message


def test_too_many_entries_are_refused(refusal: Refusal) -> None:
    content = zipped({f"{number}.txt": b"" for number in range(10_001)})

    assert refusal("a.zip", content).code == "ARCHIVE_UNSAFE"


def test_an_entry_that_is_longer_than_it_says_is_refused(refusal: Refusal, parts: dict[str, bytes]) -> None:
    content = bytearray(zipped_shapefile(parts))
    directory = content.index(b"PK\x01\x02")  # of the first entry
    content[directory + 24 : directory + 28] = (100).to_bytes(4, "little")

    assert refusal("a.zip", bytes(content)).code == "ARCHIVE_UNSAFE"


def test_a_cut_off_archive_is_refused(refusal: Refusal, parts: dict[str, bytes]) -> None:
    assert refusal("a.zip", zipped_shapefile(parts)[:-30]).code == "ARCHIVE_UNSAFE"


def test_only_the_five_parts_are_unpacked_under_names_of_ours(
    admitted: Admit, parts: dict[str, bytes]
) -> None:
    litter = {"__MACOSX/._places.shp": b"x", ".DS_Store": b"x", "places.shp.xml": b"<x/>", "README": b"x"}
    files = {f"data/places{suffix}": part for suffix, part in parts.items()} | litter
    (layer,) = admitted("a.zip", zipped(files))

    found = sorted(each.name for each in layer.path.parent.iterdir())
    assert found == sorted(["in.zip", *(f"in0{suffix}" for suffix in GOOD_PARTS)])
    assert layer.name == "data/places"


def test_a_stored_archive_without_compression_is_fine(admitted: Admit, parts: dict[str, bytes]) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for suffix, part in parts.items():
            archive.writestr(f"places{suffix.upper()}", part)

    (layer,) = admitted("a.zip", buffer.getvalue())
    assert layer.census.feature_count == 3


def test_parts_belong_together_in_whatever_case(admitted: Admit, parts: dict[str, bytes]) -> None:
    files = {f"{'Places' if suffix == '.shp' else 'PLACES'}{suffix}": part for suffix, part in parts.items()}
    (layer,) = admitted("a.zip", zipped(files))

    assert (layer.name, layer.census.feature_count) == ("Places", 3)
