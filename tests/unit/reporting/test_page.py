"""The report as a page: what it says, and that nobody but us can write on it."""

import base64
import hashlib
import json
from typing import Any

import pytest

from core.task_models.vector import CleaningOptions, RejectReason
from geo_platform.models import ReportAnswer
from tests.unit.reporting import reports as given
from tests.unit.reporting.documents import Document, parsed
from tests.unit.stac import summaries
from triggers.reporting import wording
from triggers.reporting.page import report_page

HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x"
EXPORT = {"format": "shp", "size_bytes": 1_500_000, "sha256": "5e" * 32}
WHOLE = given.processed(given.table(rejected_count=0))
OWN_TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "header",
        "main",
        "section",
        "article",
        "nav",
    ),
    *(
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "a",
        "b",
        "bdi",
        "span",
        "code",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary"),
    *("svg", "g", "path", "rect", "circle", "text"),
}


def page(report: Any = None, status: Any = None) -> Document:
    return parsed(report_page(report or given.report(), status or given.status()).html)


def hostile(value: Any) -> Any:
    """Every text within, followed by markup."""
    if isinstance(value, dict):
        return {name: hostile(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [hostile(each) for each in value]
    return value + HOSTILE if isinstance(value, str) else value


def everything() -> dict[str, Any]:
    """A report of every part that there can be."""
    return {
        "findings": (given.finding(),),
        "warnings": ("a warning",),
        "derived": {"export_vector": {"exports": [EXPORT | {"notes": [{"code": "C", "message": "cut"}]}]}},
        "processing_config": {"layers": ["Flurstücke"], "index": ["addr:city"]},
        "error": {
            "code": "FEATURES_REJECTED",
            "message": "Too many.",
            "remedy": "Correct them.",
            "context": {"reasons": {"DUPLICATE": 2}, "first": [{"row": 5, "detail": "ring"}], "of": "it"},
        },
    }


def test_the_counts_add_up_in_plain_sight() -> None:
    text = page().text
    assert "Published, without 12 features" in text
    assert "200,000 features read = 199,988 loaded + 12 rejected" in text
    assert "Geometry that cannot be read BROKEN_GEOMETRY" in text
    assert "Invalid geometries repaired 431 features" in text
    assert "Curves made straight 12 geometries" in text


def test_steps_that_found_nothing_are_named() -> None:
    _, _, idle = page().text.partition("Nothing to do: ")
    idle, _, _ = idle.partition(".")
    assert "Copies of a feature" in idle
    assert "Invalid geometries" not in idle


def test_columns_have_both_names_and_their_values() -> None:
    document = page()
    assert "Flurstück-Nr. published as flurst_nr text" in document.text
    assert "50,123 (25.1 %)" in document.text
    assert "Range 0.25 … 118,204" in document.text
    labels = [element.attributes.get("aria-label", "") for element in document.all("svg")]
    assert "Histogram of 24,793 values from 0.25 to 118,204" in labels


def test_the_crs_the_operation_and_its_accuracy_are_there() -> None:
    text = page().text
    assert "EPSG:25833 → EPSG:4326" in text
    assert "Inverse of UTM zone 33N + ETRS89 to WGS 84 (1), accurate to 1 m" in text


def test_repairs_say_how_much_they_changed() -> None:
    assert "1,017 1018 0.00081 0.00079 −2.5 %" in page().text
    assert "from 0" in page().text


def test_links_lead_to_what_there_is() -> None:
    hrefs = {element.attributes["href"] for element in page().all("a")}
    assert hrefs == {
        f"{given.BASE}/api/ogc/features/collections/c",
        f"{given.BASE}/?dataset=c",
        given.DOWNLOAD,
        f"{given.DOWNLOAD}?f=gpkg",
        f"{given.DOWNLOAD}?f=rejects",
        f"{given.REPORT}?f=json",
    }
    scripted = page(status=given.status(endpoints={"map": "javascript:alert(1)"}))
    assert [element.attributes["href"] for element in scripted.all("a")] == [f"{given.REPORT}?f=json"]


def test_nothing_is_loaded_and_nothing_runs() -> None:
    made = report_page(given.report(), given.status())
    document = parsed(made.html)
    digest = base64.b64encode(hashlib.sha256(document.style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in made.headers["Content-Security-Policy"]
    assert "default-src 'none'" in made.headers["Content-Security-Policy"]
    assert "url(" not in document.style
    assert "@import" not in document.style
    assert [element.attributes["href"] for element in document.all("link")] == ["data:,"]
    for element in document.elements:
        assert not {"src", "style", "srcset"} & set(element.attributes)


@pytest.mark.parametrize("report", [given.report, given.raster_report], ids=["vector", "raster"])
def test_hostile_texts_stay_texts(report: Any) -> None:
    """All that a client, a file or an error can name is followed by markup."""
    plain = json.loads(report(**everything()).model_dump_json())
    kept = ("status", "data_type", "published_as", "steps", "request_id", "dataset_key", "links")
    made = hostile(plain) | {name: plain[name] for name in kept}
    if report is given.raster_report:
        # The page reads these by their models, which take no other words.
        made["processing"] |= {name: plain["processing"][name] for name in ("proof", "rendering")}
    else:
        _keep_geometry(made, plain)
    document = page(
        ReportAnswer.model_validate(made),
        given.status(identifiers={"dataset_id": HOSTILE}, message=HOSTILE),
    )
    assert {element.tag for element in document.elements} <= OWN_TAGS
    assert not [name for each in document.elements for name in each.attributes if name.startswith("on")]
    assert document.text.count("<script>alert(1)</script>") >= 12


def _keep_geometry(made: dict[str, Any], plain: dict[str, Any]) -> None:
    for changed, table in zip(made["processing"]["tables"], plain["processing"]["tables"], strict=True):
        changed["footprint"] = table["footprint"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"processing": given.processed(given.table(rejected_count=0)), "findings": ()},
            "Published All 199,988",
        ),
        ({"processing": given.processed(given.table(rejected_count=0))}, "Published, with 1 warning"),
        ({"status": "processing", "processing": None}, "Not finished yet"),
        ({"status": "failed", "processing": None}, "Not published"),
        (
            {"status": "failed", "processing": None, "error": {"code": "CRS_MISSING", "message": "No CRS."}},
            "Not published CRS_MISSING No CRS.",
        ),
    ],
    ids=["clean", "warned", "running", "failed", "refused"],
)
def test_the_verdict_comes_first(changes: dict[str, Any], expected: str) -> None:
    document = page(given.report(**changes))
    assert f"{given.REQUEST_ID} {expected}" in document.text


def test_an_error_is_taken_apart() -> None:
    document = page(given.report(status="failed", processing=None, **everything()))
    assert "Copy of another feature DUPLICATE 2 100 %" in document.text
    assert "Row Detail 5 ring" in document.text


def test_several_layers_are_listed_and_linked() -> None:
    two = given.processed(given.table(), given.table(layer="Wege", family="lines", rejected_count=0))
    document = page(given.report(processing=two))
    inner = [each.attributes["href"] for each in document.all("a") if each.attributes["href"][0] == "#"]
    assert inner == ["#table-1", "#table-2"]
    assert set(inner) <= {f"#{each.attributes['id']}" for each in document.all("article")}
    assert "Wege (lines) MultiPolygon 199,988 0" in document.text


def test_of_several_layers_each_has_its_addresses() -> None:
    two = given.processed(given.table(), given.table(layer="Wege"))
    collections = [{"features": f"{given.BASE}/c{number}", "vector_tiles": "{z}"} for number in range(2)]
    status = given.status(data_characteristics={"collections": collections})
    hrefs = [each.attributes["href"] for each in page(given.report(processing=two), status).all("a")]
    assert {f"{given.BASE}/c0", f"{given.BASE}/c1"} <= set(hrefs)
    assert f"{given.BASE}/api/ogc/features/collections/c" not in hrefs
    assert hrefs[0] == f"{given.BASE}/?dataset=c"


def test_a_wide_table_is_cut_and_says_so() -> None:
    columns = [{"name": f"c{number}", "sql_type": "text"} for number in range(1_000)]
    text = page(given.report(processing=given.processed(given.table(columns=columns)))).text
    assert "And 800 more columns, which the JSON has." in text


def test_the_page_of_many_wide_layers_can_still_be_opened() -> None:
    columns = [{"name": f"c{number}", "sql_type": "text"} for number in range(1_000)]
    many = given.processed(*(given.table(columns=columns) for _ in range(100)))
    made = report_page(given.report(processing=many), given.status()).html
    assert "And 990 more columns" in made
    assert len(made) < 3_000_000


def test_files_say_what_their_formats_could_not_hold() -> None:
    notes = [{"code": "NAME_CUT", "message": f"name {number} was cut"} for number in range(60)]
    made = {"export_vector": {"exports": [EXPORT | {"notes": notes}]}}
    text = page(given.report(derived=made)).text
    assert f"Shapefile 1.5 MB sha256 {'5e' * 32}" in text
    assert "name 49 was cut and 10 more, which the JSON has" in text


def test_warnings_that_are_findings_are_said_once() -> None:
    text = page(given.report(warnings=("Another thing.", given.finding()["message"]))).text
    assert text.count("Another thing.") == 1
    assert text.count(given.finding()["message"]) == 1


def test_the_page_does_not_point_at_itself() -> None:
    words = "12 of 200,000 features were rejected; see the report."
    missing = {"count": 12, "parts": ()}
    assert "see the report" not in page(given.report(warnings=(words,), missing=missing)).text


def test_an_address_is_linked_once() -> None:
    twice = {"tile_cache": f"{given.DOWNLOAD}?f=pmtiles", "download_pmtiles": f"{given.DOWNLOAD}?f=pmtiles"}
    hrefs = [each.attributes["href"] for each in page(status=given.status(endpoints=twice)).all("a")]
    assert hrefs == [f"{given.DOWNLOAD}?f=pmtiles", f"{given.REPORT}?f=json"]


def test_reports_from_before_there_were_tables_are_shown() -> None:
    old = {"feature_count": 5, "geometry_type": "Point", "srid": 4326, "bbox": [1, 2, 3, 4], "columns": []}
    text = page(given.report(processing=old, findings=())).text
    assert "5 features read = 5 loaded + 0 rejected" in text


def test_a_raster_has_its_bands_and_its_proof() -> None:
    text = page(given.raster_report(), given.status(data_type="raster")).text
    assert "64 × 48 pixels" in text
    assert "Band 1 Valid 99.5 %" in text
    assert "Every pixel was read back from the result and equals that of the source." in text
    assert "features read" not in text


def test_each_of_several_mosaics_has_its_facts_and_addresses() -> None:
    made = summaries.mosaic(2).model_dump(mode="json")
    processing = {**made, "others": [summaries.mosaic(5, dtype="float32").model_dump(mode="json")]}
    mosaics = [
        {
            "collection_id": name,
            "map": f"{given.BASE}/?dataset={name}",
            "tilejson": f"{given.BASE}/{name}.json",
        }
        for name in ("c", "c_m2")
    ]
    shown = page(
        given.raster_report(processing=processing),
        given.status(
            data_type="raster_collection",
            data_characteristics={"mosaics": mosaics},
            endpoints={"map": mosaics[0]["map"], "tilejson": mosaics[0]["tilejson"]},
        ),
    )
    assert shown.text.index("Mosaic 1") < shown.text.index("Mosaic 2") < shown.text.index("float32")
    hrefs = [each.attributes["href"] for each in shown.all("a")]
    assert [href for href in hrefs if "?dataset=" in href] == [each["map"] for each in mosaics]


def test_missing_parts_of_a_mosaic_are_named() -> None:
    missing = {"count": 1, "parts": ({"name": "r1c2", "code": "TASK_LOST"},)}
    text = page(given.raster_report(missing=missing)).text
    assert "Published, without 1 part" in text
    assert "Name Code r1c2 TASK_LOST" in text


def test_there_are_words_for_every_reason_and_every_step() -> None:
    assert set(wording.REASONS) == {reason.value for reason in RejectReason}
    words = [wording.step(name) for name in CleaningOptions.model_fields]
    assert len(set(words)) == len(words)
    assert not {wording.sentence(name) for name in CleaningOptions.model_fields} & set(words)
