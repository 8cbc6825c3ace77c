"""Reading bodies: everything wrong at once, with a code, a place and a hint."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from geo_platform.ports import PlatformOptions
from geo_platform.submission import Submission, parse_submission
from geo_platform.vector_processing import VectorProcessing

OPTIONS = PlatformOptions(public_base_url="https://hub.example")
BODY = {
    "dataset_id": "flood-2024",
    "resource_id": "extent",
    "version_id": "v1.0",
    "request_type": "vector",
    "source_path": "bronze/floods/extent.gpkg",
}


def parse(**changes: Any) -> Submission:
    return parse_submission({**BODY, **changes}, options=OPTIONS)


def refused(**changes: Any) -> tuple[str, dict[str, dict[str, str]]]:
    """The code, and the field errors by place."""
    with pytest.raises(InvalidRequest) as caught:
        parse(**changes)
    return caught.value.code, {entry["loc"]: dict(entry) for entry in caught.value.field_errors}


def test_defaults_are_filled_in() -> None:
    submission = parse()
    assert submission.content == {
        "request_type": "vector",
        "source_path": "azure://bronze/floods/extent.gpkg",
        "processing_config": VectorProcessing().model_dump(mode="json"),
    }
    assert submission.content["processing_config"]["target_crs"] == "EPSG:4326"


def test_the_seed_s_own_body_is_taken() -> None:
    parse(processing_config={}, callback_url=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"source_path": "azure://bronze/floods/extent.gpkg"},
        {"source_path": "bronze/floods%2Fextent.gpkg"},
        {"processing_config": {"target_crs": "EPSG:4326"}},
        {"client_request_id": "ticket 7"},
    ],
)
def test_what_means_the_same_has_the_same_fingerprint(changes: dict[str, Any]) -> None:
    assert parse(**changes).fingerprint == parse().fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"source_path": "bronze/floods/Extent.gpkg"},
        {"processing_config": {"target_crs": "EPSG:3857"}},
        {"processing_config": {"layer": "a"}},
        {"request_type": "raster", "source_path": "bronze/a.tif"},
    ],
)
def test_what_means_something_else_has_another_fingerprint(changes: dict[str, Any]) -> None:
    assert parse(**changes).fingerprint != parse().fingerprint
    assert parse(**changes).dataset_key == parse().dataset_key


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    code, found = refused(datset_id="x")
    assert code == "UNKNOWN_FIELD"
    assert found["datset_id"]["hint"] == "Did you mean 'dataset_id'?"


def test_an_unknown_field_of_the_processing_is_one_of_its_type() -> None:
    code, found = refused(
        processing_config={"compresion": "ZSTD"}, request_type="raster", source_path="bronze/a.tif"
    )
    assert code == "UNKNOWN_FIELD"
    assert found["processing_config.compresion"]["hint"] == "Did you mean 'compression'?"


def test_everything_wrong_is_said_at_once() -> None:
    code, found = refused(
        dataset_id="-x",
        version_id="v" * 51,
        resource_id=None,
        request_type="vectro",
        source_path="../etc/passwd",
        colour="blue",
        callback_url="https://hook.example",
    )
    assert code == "VALIDATION_ERROR"
    assert {place: entry["code"] for place, entry in found.items()} == {
        "request_type": "UNKNOWN_DATA_TYPE",
        "dataset_id": "VALIDATION_ERROR",
        "version_id": "VALIDATION_ERROR",
        "resource_id": "VALIDATION_ERROR",
        "source_path": "SOURCE_INVALID",
        "colour": "UNKNOWN_FIELD",
        "callback_url": "CALLBACK_NOT_SUPPORTED",
    }


@pytest.mark.parametrize("named", ["collections", "rasters", "Vector", "", 7, ["vector"], None])
def test_a_type_without_a_chain_is_refused_and_the_known_ones_are_named(named: Any) -> None:
    code, found = refused(request_type=named)
    assert code == "UNKNOWN_DATA_TYPE"
    assert "Allowed: vector, raster, large_raster, raster_collection." in found["request_type"]["hint"]


def test_a_missing_type_is_a_missing_field() -> None:
    body = {name: value for name, value in BODY.items() if name != "request_type"}
    with pytest.raises(InvalidRequest) as caught:
        parse_submission(body, options=OPTIONS)
    assert caught.value.code == "VALIDATION_ERROR"


def test_a_callback_is_not_taken_in_silence() -> None:
    code, _ = refused(callback_url="https://hook.example")
    assert code == "CALLBACK_NOT_SUPPORTED"


@pytest.mark.parametrize(
    "path",
    [
        "bronze/../silver/x.gpkg",
        "bronze/a//x.gpkg",
        "bronze//x.gpkg",
        "/bronze/x.gpkg",
        "bronze/%2e%2e/x.gpkg",
        "bronze/%252e/x.gpkg",
        "bronze/a\\x.gpkg",
        "bronze/x.gpkg?sig=1",
        "bronze/x.gpkg#a",
        "bronze/x\n.gpkg",
        "bronze/%ff.gpkg",
        "silver/x.gpkg",
        "bronze2/x.gpkg",
        "x.gpkg",
        "",
        "https://evil.example/x.gpkg",
        "/vsicurl/https://evil.example/x.gpkg",
        "file:///etc/passwd.gpkg",
    ],
)
def test_a_path_that_could_mean_another_place_is_refused(path: str) -> None:
    code, found = refused(source_path=path)
    assert code == "SOURCE_INVALID"
    assert set(found) == {"source_path"}


@pytest.mark.parametrize(
    ("request_type", "path"),
    [("vector", "bronze/a.tif"), ("raster", "bronze/a.gpkg"), ("vector", "bronze/a.vrt")],
)
def test_a_format_that_the_type_does_not_take_is_refused(request_type: str, path: str) -> None:
    code, _ = refused(request_type=request_type, source_path=path)
    assert code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_submission(body, options=OPTIONS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
field_names = st.sampled_from([*BODY, "processing_config", "callback_url", "client_request_id"]) | st.text()


@given(st.dictionaries(field_names, json_values, max_size=4))
def test_any_json_is_either_a_submission_or_a_refusal_of_ours(changes: dict[str, Any]) -> None:
    code = "accepted"
    try:
        parse(**changes)
    except InvalidRequest as refusal:
        code = next(iter(refusal.field_errors))["code"]
    assert code
