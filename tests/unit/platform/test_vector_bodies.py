"""Bodies for vectors: options, what excludes each other, and what the names of sources may end in."""

from dataclasses import replace
from typing import Any

import pytest

from core.errors import InvalidRequest
from core.task_models.vector import CleaningOptions, TableOptions, VectorReading
from geo_platform.ports import PlatformOptions
from geo_platform.submission import Submission, parse_submission
from geo_platform.vector_processing import (
    VectorProcessing,
    cleaning_of,
    exports_of,
    reading_of,
    tables_of,
)

OPTIONS = PlatformOptions(public_base_url="https://hub.example")
BODY = {
    "dataset_id": "d",
    "resource_id": "r",
    "version_id": "v",
    "request_type": "vector",
    "source_path": "bronze/a.gpkg",
}


def parse(source: str = "a.gpkg", options: PlatformOptions = OPTIONS, **processing: Any) -> Submission:
    body = {**BODY, "source_path": f"bronze/{source}", "processing_config": processing}
    return parse_submission(body, options=options)


def refused(
    source: str = "a.gpkg", options: PlatformOptions = OPTIONS, **processing: Any
) -> tuple[str, dict[str, dict[str, str]]]:
    """The code, and the field errors by place."""
    with pytest.raises(InvalidRequest) as caught:
        parse(source, options, **processing)
    return caught.value.code, {entry["loc"]: dict(entry) for entry in caught.value.field_errors}


# -- options --------------------------------------------------------------------------------------


def test_words_may_be_in_capitals_or_not() -> None:
    shouted = parse(
        invalid_geometry="REJECT", target_crs="epsg:3857", source_crs="epsg:25832", exports=["GPKG"]
    )
    spoken = parse(
        invalid_geometry="reject", target_crs="EPSG:3857", source_crs="EPSG:25832", exports=["gpkg"]
    )
    assert shouted.fingerprint == spoken.fingerprint


def test_every_option_reaches_the_models_of_the_tasks() -> None:
    processing = parse(
        "a.csv", layers=["b", "a"], dimensions="2d", index=["name"], id_column="id", encoding="cp1252"
    ).summary["processing_config"]
    reading = VectorReading.model_validate(reading_of(processing, extra_formats=True))
    assert (reading.layers, reading.id_column, reading.encoding) == (("b", "a"), "id", "cp1252")
    assert reading.extra_formats
    assert CleaningOptions.model_validate(cleaning_of(processing)).dimensions == "2d"
    assert TableOptions.model_validate(tables_of(processing)).index == ("name",)


def test_the_options_are_those_of_the_tasks_and_of_the_chain() -> None:
    """What a client may ask for is what some task takes; `extra_formats` is the operator's."""
    of_tasks = {*VectorReading.model_fields, *CleaningOptions.model_fields, *TableOptions.model_fields}
    of_job = {"layer", "target_crs", "max_failed_fraction", "exports", "generate_tile_cache"}
    assert set(VectorProcessing.model_fields) == (of_tasks - {"extra_formats"}) | of_job


def test_one_layer_is_a_list_of_one() -> None:
    processing = parse(layer="roads").summary["processing_config"]
    assert reading_of(processing, extra_formats=False)["layers"] == ["roads"]


@pytest.mark.parametrize(
    ("processing", "formats"),
    [
        ({}, ()),
        ({"exports": ["fgb", "gpkg"]}, ("fgb", "gpkg")),
        ({"generate_tile_cache": True}, ("pmtiles",)),
        ({"exports": ["csv"], "generate_tile_cache": True}, ("csv", "pmtiles")),
        ({"exports": ["pmtiles"]}, ("pmtiles",)),
    ],
)
def test_a_tile_cache_is_one_of_the_exports(processing: dict[str, Any], formats: tuple[str, ...]) -> None:
    assert exports_of(parse(**processing).summary["processing_config"]) == formats


def test_a_request_of_before_there_were_exports_has_none() -> None:
    assert exports_of({"layer": None, "target_crs": "EPSG:4326"}) == ()


@pytest.mark.parametrize(
    ("source", "processing", "place"),
    [
        ("a.gpkg", {"layer": "a", "layers": ["b"]}, "layer"),
        ("a.gpkg", {"generate_tile_cache": True, "exports": ["pmtiles"]}, "generate_tile_cache"),
        ("a.csv", {"wkt_column": "geom", "x_column": "x", "y_column": "y"}, "wkt_column"),
        ("a.csv", {"wkt_column": "geom", "x_column": "x"}, "wkt_column"),
        ("a.csv", {"x_column": "x"}, "x_column"),
        ("a.tsv", {"y_column": "y"}, "y_column"),
        ("a.csv", {"x_column": "x", "y_column": "x"}, "y_column"),
        ("a.gpkg", {"wkt_column": "geom"}, "wkt_column"),
        ("a.geojson", {"encoding": "cp1252"}, "encoding"),
    ],
)
def test_options_that_exclude_each_other(source: str, processing: dict[str, Any], place: str) -> None:
    code, found = refused(source, **processing)
    assert code == "CONFLICTING_FIELDS"
    assert set(found) == {f"processing_config.{place}"}
    assert found[f"processing_config.{place}"]["hint"]


@pytest.mark.parametrize(
    ("source", "processing"),
    [
        ("a.zip", {"wkt_column": "geom", "encoding": "cp1252"}),
        ("a.csv", {"x_column": "x", "y_column": "y", "encoding": "latin-1"}),
        ("a.gpkg", {"layers": ["a", "b"], "exports": ["gpkg", "pmtiles"]}),
    ],
)
def test_options_that_go_together(source: str, processing: dict[str, Any]) -> None:
    parse(source, **processing)


@pytest.mark.parametrize(
    "processing",
    [
        {"invalid_geometry": "ignore"},
        {"out_of_range": "keep"},
        {"layers": ["a", "a"]},
        {"exports": ["gpkg", "GPKG"]},
        {"exports": ["xlsx"]},
        {"index": [""]},
        {"target_crs": "http://evil.example/crs"},
        {"encoding": "../x"},
        {"max_failed_fraction": 1.5},
        {"extra_formats": True},
    ],
)
def test_what_is_no_option_is_refused(processing: dict[str, Any]) -> None:
    code, found = refused(**processing)
    assert code in {"VALIDATION_ERROR", "UNKNOWN_FIELD"}
    assert all(place.startswith("processing_config.") for place in found)


def test_an_option_of_rasters_is_named_as_such() -> None:
    code, found = refused(compression="ZSTD")
    assert code == "UNKNOWN_FIELD"
    assert "request_type raster" in found["processing_config.compression"]["hint"]


# -- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("a.gpkg", "a.GeoJSON", "a.json", "a.geojsonl", "a.geojsons", "a.ndjson", "a.jsonl", "a.topojson"),
        *("a.fgb", "a.parquet", "a.geoparquet", "a.kml", "a.kmz", "a.csv", "a.tsv", "a.gdb.zip", "a.zip"),
    ],
)
def test_formats_of_vectors(name: str) -> None:
    parse(name)


@pytest.mark.parametrize("name", ["a.gml", "a.DXF"])
def test_gml_and_dxf_are_behind_a_setting(name: str) -> None:
    code, found = refused(name, replace(OPTIONS, raster_extra_formats=True))
    assert code == "UNSUPPORTED_FORMAT"
    assert "GML and DXF are not enabled here" in found["source_path"]["msg"]
    parse(name, replace(OPTIONS, vector_extra_formats=True))


@pytest.mark.parametrize(
    ("name", "advice"), [("a.shp", "zip the .shp together with its .shx"), ("a.GDB", "zip the folder")]
)
def test_what_consists_of_several_files_is_to_be_zipped(name: str, advice: str) -> None:
    code, found = refused(name)
    assert code == "UNSUPPORTED_FORMAT"
    assert advice in found["source_path"]["msg"]


@pytest.mark.parametrize("named", ["auto", None])
@pytest.mark.parametrize(
    ("source", "types"),
    [("a.gpkg", "vector"), ("a.zip", "vector or raster or raster_collection"), ("a.gml", "vector")],
)
def test_the_name_of_a_source_tells_its_type(named: str | None, source: str, types: str) -> None:
    body: dict[str, Any] = {**BODY, "source_path": f"bronze/{source}", "request_type": named}
    if named is None:
        del body["request_type"]
    with pytest.raises(InvalidRequest) as caught:
        parse_submission(body, options=OPTIONS)
    (problem,) = caught.value.field_errors
    assert f"taken by {types}." in problem["hint"]
