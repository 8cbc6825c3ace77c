"""From a folder, a pattern or names to the files of a collection."""

from pathlib import Path

import pytest

from core.errors import AppError
from core.task_models.raster_collection import CollectionSources
from services.raster.collection_listing import Listing, collection_files, list_sources, pattern_expression
from tests.blobs import DirectoryBlobStore


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    store = DirectoryBlobStore(tmp_path)
    for name in (
        "scenes/2024/b.tif",
        "scenes/2024/a.TIF",
        "scenes/2024/a.TIF.aux.xml",
        "scenes/2024/a.tfw",
        "scenes/2024/readme.txt",
        "scenes/2024/deep/c.jp2",
        "scenes/2023/d.tif",
        "scenes-other/e.tif",
        "papers/f.pdf",
    ):
        store.put(f"azure://bronze/{name}", name.encode())
    return store


def listed(storage: DirectoryBlobStore, *, max_files: int = 100, **sources: object) -> Listing:
    return list_sources(storage, CollectionSources.model_validate(sources), max_files=max_files)


def names(listing: Listing) -> list[str]:
    return [blob.uri.removeprefix("azure://bronze/") for blob in listing.rasters]


@pytest.mark.parametrize("prefix", ["azure://bronze/scenes/2024", "bronze/scenes/2024/"])
def test_a_folder_is_all_that_lies_below_it(storage: DirectoryBlobStore, prefix: str) -> None:
    listing = listed(storage, prefix=prefix)
    assert names(listing) == ["scenes/2024/a.TIF", "scenes/2024/b.tif", "scenes/2024/deep/c.jp2"]
    (finding,) = listing.findings()
    assert finding.code == "COLLECTION_FILES_IGNORED"
    assert finding.context["file_count"] == 3


def test_a_folder_is_not_the_beginning_of_a_name(storage: DirectoryBlobStore) -> None:
    assert "scenes-other/e.tif" not in names(listed(storage, prefix="bronze/scenes"))
    assert "scenes-other/e.tif" in names(listed(storage, prefix="bronze/"))


PATTERNS = {
    "scenes/*/*.tif": ["scenes/2023/d.tif", "scenes/2024/b.tif"],
    "scenes/2024/?.TIF": ["scenes/2024/a.TIF"],
    "scenes/**/*.jp2": ["scenes/2024/deep/c.jp2"],
    "**/*.tif": ["scenes-other/e.tif", "scenes/2023/d.tif", "scenes/2024/b.tif"],
    "scenes*/*.tif": ["scenes-other/e.tif"],
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items())
def test_patterns(storage: DirectoryBlobStore, pattern: str, expected: list[str]) -> None:
    assert names(listed(storage, pattern=f"azure://bronze/{pattern}")) == expected


def test_a_pattern_has_no_other_magic() -> None:
    assert pattern_expression("a+(b).[c]*").fullmatch("a+(b).[c]d")
    assert not pattern_expression("a.tif").fullmatch("aXtif")


def test_files_that_are_named_are_taken_whatever_they_are_called(storage: DirectoryBlobStore) -> None:
    paths = ["bronze/papers/f.pdf", "azure://bronze/scenes/2023/d.tif", "azure://bronze/scenes/2023/d.tif"]
    assert names(listed(storage, paths=paths)) == ["papers/f.pdf", "scenes/2023/d.tif"]


REFUSALS = {
    "SOURCE_NOT_FOUND": {"prefix": "bronze/nothing"},
    "UNSUPPORTED_FORMAT": {"prefix": "bronze/papers"},
    "SOURCE_FORBIDDEN": {"prefix": "secrets/x"},
    "COLLECTION_TOO_LARGE": {"prefix": "bronze/", "max_files": 4},
}


@pytest.mark.parametrize(("code", "arguments"), REFUSALS.items())
def test_refusals(storage: DirectoryBlobStore, code: str, arguments: dict[str, object]) -> None:
    with pytest.raises(AppError) as caught:
        listed(storage, **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.remedy or code == "SOURCE_FORBIDDEN"


def test_all_files_that_are_missing_are_named_at_once(storage: DirectoryBlobStore) -> None:
    with pytest.raises(AppError) as caught:
        listed(storage, paths=["bronze/x.tif", "bronze/scenes/2023/d.tif", "bronze/y.tif"])
    assert caught.value.code == "SOURCE_NOT_FOUND"
    assert caught.value.context["files"] == ["bronze/x.tif", "bronze/y.tif"]


def test_as_many_files_as_allowed_are_allowed(storage: DirectoryBlobStore) -> None:
    assert len(listed(storage, prefix="bronze/", max_files=5).rasters) == 5


def test_a_name_that_no_other_call_accepts_is_left_out(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    (tmp_path / "bronze" / "scenes" / "2023" / "100%.tif").write_bytes(b"x")
    names_only = Names(tmp_path)
    listing = list_sources(names_only, CollectionSources(prefix="bronze/scenes/2023"), max_files=9)
    assert names(listing) == ["scenes/2023/d.tif"]
    assert listing.ignored == ["azure://bronze/scenes/2023/100%.tif"]


class Names(DirectoryBlobStore):
    """As Azure lists: names are not checked."""

    def list_blobs(self, container: str, prefix: str = ""):  # type: ignore[no-untyped-def]
        plain = next(iter(super().list_blobs(container, "scenes/2023/d")))
        uris = [plain.uri, plain.uri.replace("d.tif", "100%.tif")]
        return iter([plain.__class__(uri, 1, plain.etag, plain.last_modified) for uri in uris])


def test_parts_have_names_of_their_own(storage: DirectoryBlobStore) -> None:
    for name in ("x/Bänd 4.tif", "x/same.tif", "y/same.tif", "y/SAME.tif", "y/.tif.tif"):
        storage.put(f"azure://bronze/{name}", b"x")
    blobs = listed(storage, pattern="azure://bronze/?/*.tif").rasters
    files = collection_files(blobs)
    part_names = [file.name for file in files]
    assert len({name.lower() for name in part_names}) == len(files) == 5
    assert part_names[0] == "B_nd_4"
    assert part_names == [file.name for file in collection_files(blobs)], "the same for the same files"
    assert {file.uri for file in files} == {blob.uri for blob in blobs}
