"""Bodies for rasters: options, aliases, the sources of collections, and what excludes each other."""

from dataclasses import replace
from typing import Any

import pytest

from core.errors import InvalidRequest
from geo_platform.ports import PlatformOptions
from geo_platform.submission import Submission, parse_submission

OPTIONS = PlatformOptions(
    public_base_url="https://hub.example", collection_max_files=100, colormaps=lambda: ("terrain", "viridis")
)
BODY = {"dataset_id": "d", "resource_id": "r", "version_id": "v"}
RASTER = {**BODY, "request_type": "raster", "source_path": "bronze/a.tif"}
COLLECTION = {**BODY, "request_type": "raster_collection"}


def parse(body: dict[str, Any], options: PlatformOptions = OPTIONS, **processing: Any) -> Submission:
    return parse_submission({**body, "processing_config": processing}, options=options)


def refused(
    body: dict[str, Any], options: PlatformOptions = OPTIONS, **processing: Any
) -> tuple[str, dict[str, dict[str, str]]]:
    """The code, and the field errors by place."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body, options, **processing)
    return caught.value.code, {entry["loc"]: dict(entry) for entry in caught.value.field_errors}


# -- options --------------------------------------------------------------------------------------


def test_words_may_be_in_capitals_or_not() -> None:
    shouted = parse(RASTER, compression="zstd", cog_tier="ARCHIVE", resampling="Cubic", format="COG")
    spoken = parse(RASTER, compression="ZSTD", cog_tier="archive", resampling="cubic")
    assert shouted.fingerprint == spoken.fingerprint
    assert parse(RASTER, target_crs="epsg:3857").summary["processing_config"]["target_crs"] == "EPSG:3857"


@pytest.mark.parametrize(
    ("processing", "place"),
    [
        ({"compression": "JPEG", "cog_tier": "analysis"}, "compression"),
        ({"compression": "webp", "cog_tier": "archive"}, "compression"),
        ({"compression": "JPEG", "predictor": "horizontal"}, "predictor"),
        ({"build_overviews": False, "overview_resampling": "average"}, "overview_resampling"),
        ({"tile_size": 256, "blocksize": 512}, "tile_size"),
        ({"subdataset": "temperature"}, "subdataset"),
        ({"class_names": {"1": "water"}, "resampling": "bilinear"}, "resampling"),
        ({"class_names": {"1": "water"}, "overview_resampling": "average"}, "overview_resampling"),
        ({"class_names": {"1": "water"}, "compression": "JPEG"}, "compression"),
        ({"class_names": {"1": "water"}, "products": ["slope"]}, "products"),
        ({"class_names": {"0": "nothing"}, "nodata": 0}, "nodata"),
        ({"class_names": {"0": "nothing"}, "target_nodata": 0}, "target_nodata"),
    ],
)
def test_options_that_exclude_each_other_are_refused(processing: dict[str, Any], place: str) -> None:
    code, found = refused(RASTER, **processing)
    assert code == "CONFLICTING_FIELDS"
    assert set(found) == {f"processing_config.{place}"}
    assert found[f"processing_config.{place}"]["hint"]


@pytest.mark.parametrize(
    "processing",
    [
        {"compression": "JPEG"},
        {"compression": "JPEG", "cog_tier": "visualization", "predictor": "none"},
        {"compression": "LZW", "predictor": "horizontal"},
        {"build_overviews": False, "resampling": "average"},
        {"nodata": "NaN", "target_nodata": "nan"},
        {"nodata": -9999, "target_nodata": 0.0, "target_resolution": 30},
        {"class_names": {"1": "water", "-2": "Wälder"}, "nodata": "nan", "overview_resampling": "mode"},
    ],
)
def test_options_that_go_together_are_taken(processing: dict[str, Any]) -> None:
    parse(RASTER, **processing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocksize", 100),
        ("tile_size", 255),
        ("tile_size", 32769),
        ("target_resolution", 0),
        ("target_resolution", "Infinity"),
        ("target_crs", "EPSG:0"),
        ("target_crs", "WGS84"),
        ("nodata", "Infinity"),
        ("nodata", "none"),
        ("max_failed_fraction", 1.01),
        ("compression", "PACKBITS"),
        ("format", "zarr"),
        ("default_colormap", "Viridis; rm"),
        ("products", ["slope", "slope"]),
        ("products", ["aspect"]),
        ("class_names", {}),
        ("class_names", {"01": "water"}),
        ("class_names", {"1.5": "water"}),
        ("class_names", {"1": " "}),
        ("class_names", {"1": "a\nb"}),
        ("class_names", {"1": "a" * 65}),
        ("class_names", {str(value): "a" for value in range(257)}),
        ("class_names", ["water"]),
    ],
)
def test_values_that_cannot_be_are_refused(name: str, value: Any) -> None:
    code, found = refused(RASTER, **{name: value})
    assert code == "VALIDATION_ERROR"
    assert all(place.startswith(f"processing_config.{name}") for place in found)


def test_a_colormap_that_does_not_exist_is_refused_with_the_nearest() -> None:
    code, found = refused(RASTER, default_colormap="virids")
    assert code == "VALIDATION_ERROR"
    assert "'viridis'" in found["processing_config.default_colormap"]["hint"]
    parse(RASTER, default_colormap="viridis")
    parse(RASTER, replace(OPTIONS, colormaps=None), default_colormap="virids")


@pytest.mark.parametrize(
    ("body", "name", "owners"),
    [
        ({**RASTER, "request_type": "large_raster"}, "products", "raster"),
        (RASTER, "on_mixed", "raster_collection"),
        ({**COLLECTION, "blob_pattern": "bronze/*.tif"}, "tile_size", "raster, large_raster"),
        (RASTER, "layer", "vector"),
    ],
)
def test_an_option_of_another_type_is_refused_with_the_types_that_have_it(
    body: dict[str, Any], name: str, owners: str
) -> None:
    code, found = refused(body, OPTIONS, **{name: "whatever it is"})
    assert code == "UNKNOWN_FIELD"
    assert found[f"processing_config.{name}"]["hint"] == f"It is an option of request_type {owners}."


# -- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.TIF", "a.tiff", "a.jp2", "a.j2k", "a.zip"])
def test_formats_of_rasters(name: str) -> None:
    parse({**RASTER, "source_path": f"bronze/{name}"})


@pytest.mark.parametrize("request_type", ["raster", "large_raster"])
def test_a_large_raster_must_be_readable_in_parts(request_type: str) -> None:
    body = {**RASTER, "request_type": request_type, "source_path": "bronze/a.zip"}
    if request_type == "raster":
        parse(body)
    else:
        assert refused(body)[0] == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("name", ["a.nc", "a.h5", "a.hdf5"])
def test_netcdf_and_hdf_are_behind_a_setting(name: str) -> None:
    body = {**RASTER, "source_path": f"bronze/{name}"}
    allowed = replace(OPTIONS, raster_extra_formats=True)
    code, found = refused(body, subdataset="t2m")
    assert code == "UNSUPPORTED_FORMAT"
    assert "not enabled" in found["source_path"]["msg"]
    assert parse(body, allowed, subdataset="t2m").request.source_path.endswith(name)  # type: ignore[union-attr]
    assert refused({**body, "request_type": "large_raster"}, allowed)[0] == "UNSUPPORTED_FORMAT"


# -- collections ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["raster_collection", "collection", "mosaic"])
def test_a_collection_has_three_names_and_one_fingerprint(name: str) -> None:
    submission = parse({**COLLECTION, "request_type": name, "source_path": "bronze/scenes/"})
    assert submission.data_type == "raster_collection"
    assert submission.fingerprint == parse({**COLLECTION, "source_path": "bronze/scenes/"}).fingerprint


@pytest.mark.parametrize(
    ("source", "parameters", "name"),
    [
        (
            {"source_path": "bronze/scenes/2024/"},
            {"prefix": "azure://bronze/scenes/2024"},
            "azure://bronze/scenes/2024/",
        ),
        (
            {"source_path": "bronze/scenes/*_B04.tif"},
            {"pattern": "azure://bronze/scenes/*_B04.tif"},
            "azure://bronze/scenes/*_B04.tif",
        ),
        (
            {"blob_pattern": "azure://bronze/**/t?.tif"},
            {"pattern": "azure://bronze/**/t?.tif"},
            "azure://bronze/**/t?.tif",
        ),
        (
            {"blob_paths": ["bronze/b.tif", "azure://bronze/a%20b.tif"]},
            {"paths": ["azure://bronze/a b.tif", "azure://bronze/b.tif"]},
            "azure://bronze/a b.tif and 1 more",
        ),
    ],
)
def test_the_source_of_a_collection_is_normalised(
    source: dict[str, Any], parameters: dict[str, Any], name: str
) -> None:
    submission = parse({**COLLECTION, **source})
    assert submission.collection
    assert submission.collection.parameters == parameters
    assert submission.source_path == name


def test_the_order_of_the_blobs_does_not_matter_and_their_names_do() -> None:
    def fingerprint(*paths: str) -> str:
        return parse({**COLLECTION, "blob_paths": list(paths)}).fingerprint

    assert fingerprint("bronze/a.tif", "bronze/b.tif") == fingerprint("bronze/b.tif", "bronze/a.tif")
    assert fingerprint("bronze/a.tif", "bronze/b.tif") != fingerprint("bronze/a.tif", "bronze/c.tif")


def test_a_pattern_is_the_same_in_either_field() -> None:
    one, other = ({**COLLECTION, name: "bronze/*.tif"} for name in ("source_path", "blob_pattern"))
    assert parse(one).fingerprint == parse(other).fingerprint


def test_one_source_is_needed() -> None:
    code, found = refused(COLLECTION)
    assert code == "VALIDATION_ERROR"
    assert found["source_path"]["hint"].startswith("Exactly one of")


def test_two_sources_are_too_many() -> None:
    code, found = refused({**COLLECTION, "blob_pattern": "bronze/*.tif", "source_path": "bronze/x/"})
    assert code == "CONFLICTING_FIELDS"
    assert set(found) == {"source_path", "blob_pattern"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("source_path", "bronze/one.tif", "SOURCE_INVALID"),
        ("source_path", "bronze/", "SOURCE_INVALID"),
        ("source_path", "silver/scenes/", "SOURCE_INVALID"),
        ("source_path", "bronze/../silver/", "SOURCE_INVALID"),
        ("source_path", "bronze/a//", "SOURCE_INVALID"),
        ("blob_pattern", "bronze/plain.tif", "SOURCE_INVALID"),
        ("blob_pattern", "bron*/a.tif", "SOURCE_INVALID"),
        ("blob_pattern", "silver/*.tif", "SOURCE_INVALID"),
        ("blob_pattern", "bronze/../*.tif", "SOURCE_INVALID"),
        ("blob_pattern", "bronze/%2e%2e/*.tif", "SOURCE_INVALID"),
        ("blob_pattern", "bronze/*.gpkg", "UNSUPPORTED_FORMAT"),
        ("blob_paths", [], "VALIDATION_ERROR"),
        ("blob_paths", ["bronze/a.tif", "bronze/a.tif"], "VALIDATION_ERROR"),
        ("blob_paths", ["bronze/a.tif", "azure://bronze/%61.tif"], "VALIDATION_ERROR"),
        ("blob_paths", ["bronze/a.gpkg"], "UNSUPPORTED_FORMAT"),
        ("blob_paths", ["bronze/a.tif", "silver/b.tif"], "SOURCE_INVALID"),
        ("blob_paths", "bronze/a.tif", "VALIDATION_ERROR"),
    ],
)
def test_a_source_that_is_none_is_refused(field: str, value: Any, code: str) -> None:
    given, found = refused({**COLLECTION, field: value})
    assert given == code
    assert all(place.startswith(field) for place in found)


def test_the_blob_that_is_wrong_is_named_and_there_is_an_end_to_it() -> None:
    _, found = refused({**COLLECTION, "blob_paths": ["bronze/a.tif", "bronze/b.gpkg"]})
    assert set(found) == {"blob_paths.1"}
    _, found = refused({**COLLECTION, "blob_paths": [f"silver/{number}.tif" for number in range(90)]})
    assert len(found) == 20


def test_a_collection_has_as_many_files_as_the_operator_allows() -> None:
    paths = [f"bronze/{number}.tif" for number in range(101)]
    parse({**COLLECTION, "blob_paths": paths[:100]})
    code, found = refused({**COLLECTION, "blob_paths": paths})
    assert code == "VALIDATION_ERROR"
    assert "100" in found["blob_paths"]["msg"]


@pytest.mark.parametrize("source", ["bronze/scenes/", "bronze/scenes/*"])
def test_of_a_folder_no_formats_are_known(source: str) -> None:
    parse({**COLLECTION, "source_path": source}, subdataset="t2m")
