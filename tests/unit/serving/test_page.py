"""The page and its files."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from core.errors import NotFound, Unavailable
from infrastructure.repositories.published import PublishedSummary
from triggers.serving import static_files
from triggers.serving.page import Page

HOSTILE = "</script><script>alert(1)</script>"


def summary(name: str = "roads_1", **changes: Any) -> PublishedSummary:
    values: dict[str, Any] = {
        "collection_id": name,
        "data_type": "vector",
        "identifiers": {"version_id": "v1", "dataset_id": "roads"},
        "published_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "endpoints": {"items": "https://a.example/items", "vector_tiles": "https://a.example/{z}/{x}/{y}"},
        "data_characteristics": {"bbox": [1, 2, 3, 4]},
    } | changes
    return PublishedSummary(**values)


class Catalogue:
    """Published datasets, newest first."""

    def __init__(self, *summaries: PublishedSummary) -> None:
        self._summaries = summaries

    def latest(self, limit: int) -> Sequence[PublishedSummary]:
        return self._summaries[:limit]

    def find(self, collection_id: str) -> PublishedSummary | None:
        return next((found for found in self._summaries if found.collection_id == collection_id), None)


class SilentCatalogue(Catalogue):
    """A catalogue whose database does not answer."""

    def latest(self, limit: int) -> Sequence[PublishedSummary]:
        raise Unavailable("secret words", code="DB_UNAVAILABLE")


def rendered(catalogue: Catalogue, wanted: str | None = None) -> str:
    answer = Page(catalogue, public_base_url="https://maps.example.org/").answer(wanted)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    return str(answer.get_body(), "utf-8")


def test_the_newest_is_shown_and_all_are_listed() -> None:
    html = rendered(Catalogue(summary("new_1"), summary("old_1")))
    assert html.count('aria-current="true"') == 1
    assert "<code>new_1</code>" in html
    assert 'href="?dataset=old_1"' in html
    assert "roads / v1" in html
    assert "2026-01-02 03:04 UTC" in html
    assert 'href="https://a.example/items"' in html
    assert 'href="https://a.example/{z}' not in html


def test_a_dataset_can_be_chosen() -> None:
    assert "<code>old_1</code>" in rendered(Catalogue(summary("new_1"), summary("old_1")), "old_1")


def test_the_mosaics_of_a_dataset_are_listed_and_its_entry_stays_marked() -> None:
    mosaics = [{"collection_id": name, "title": f"{name} {HOSTILE}"} for name in ("a_1", "a_1_m2")]
    known = {"bbox": [1, 2, 3, 4], "mosaics": mosaics}
    dataset = summary("a_1", data_characteristics=known)
    beside = summary("a_1_m2", data_characteristics=known, own_title="heights", dataset="a_1")

    class Both(Catalogue):
        def latest(self, limit: int) -> Sequence[PublishedSummary]:
            return [dataset]

    html = rendered(Both(dataset, beside), "a_1_m2")
    assert HOSTILE not in html
    assert "<h2>heights</h2>" in html
    assert 'href="?dataset=a_1" aria-current="true"' in " ".join(html.split())
    assert 'href="?dataset=a_1_m2" aria-current="page"' in html


def test_unknown_names_and_hostile_words_are_told_as_text() -> None:
    html = rendered(Catalogue(summary(identifiers={"dataset_id": HOSTILE})), HOSTILE)
    assert HOSTILE not in html
    assert "No dataset is published under the name" in html
    chosen = rendered(Catalogue(summary(identifiers={"dataset_id": HOSTILE})))
    assert HOSTILE not in chosen
    assert len(re.findall(r"</script>", chosen)) == 2


def test_without_a_database_the_page_says_so_and_no_more() -> None:
    html = rendered(SilentCatalogue(), "roads_1")
    assert "the database does not answer" in html
    assert "secret words" not in html


def test_before_the_first_publication_it_says_what_to_do() -> None:
    assert "POST https://maps.example.org/api/platform/submit" in rendered(Catalogue())


def test_without_the_map_library_the_list_remains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(static_files, "ROOT", tmp_path)
    html = rendered(Catalogue(summary()))
    assert "./dev setup" in html
    assert 'id="map"' not in html
    assert "vendor/" not in html


def request_of(path: str, **headers: str) -> func.HttpRequest:
    return func.HttpRequest("GET", f"/static/{path}", headers=headers, route_params={"path": path}, body=b"")


def test_static_files_have_types_and_validators() -> None:
    answer = static_files.static_answer(request_of("page.js"))
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    again = static_files.static_answer(request_of("page.js", **{"if-none-match": answer.headers["ETag"]}))
    assert (again.status_code, again.get_body()) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../page.py",
        "../templates/page.html",
        "vendor/../../config.py",
        "/etc/passwd",
        "nothing.js",
        "page.js/",
        "vendor",
        "page.css\x00.js",
        "a" * 5000 + ".js",
    ],
)
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    with pytest.raises(NotFound):
        static_files.static_answer(request_of(path))


RASTER_ENDPOINTS = {
    "tiles": "https://a.example/{z}/{x}/{y}.png",
    "tilejson": "https://a.example/tilejson.json",
    "point": "https://a.example/point/{lon},{lat}",
    "legend": "https://a.example/legend.png?dataset=cover",
}


def page_data(**changes: Any) -> Any:
    html = rendered(Catalogue(summary(endpoints=RASTER_ENDPOINTS, data_type="large_raster", **changes)))
    found = re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])["selected"]["raster"], html


def test_a_raster_has_its_legend_and_the_names_of_its_classes() -> None:
    look = {
        "bidx": [2],
        "legend": [{"value": 3.0, "color": [1, 2, 3, 255], "label": "<b>sand</b>"}],
        "unit": None,
    }
    raster, html = page_data(data_characteristics={"bbox": [1, 2, 3, 4], "rendering": look})
    assert (raster["band"], raster["classes"]) == (2, {"3": "<b>sand</b>"})
    assert '<img src="https://a.example/legend.png?dataset=cover&amp;title=false"' in html
    assert 'class="kind raster">large raster<' in html
    assert "<b>sand" not in html


@pytest.mark.parametrize(
    ("known", "query"),
    [
        ({"rendering": {"bidx": [1]}}, {"tilesize": "512", "minzoom": "0"}),
        ({"rendering": {"bidx": [1]}, "tile_cache": {}}, {"tilesize": "256", "minzoom": "0"}),
        ({"part_count": 3, "overview_resolution": 9, "rendering": {}}, {"tilesize": "512", "minzoom": "0"}),
        ({"part_count": 3, "overview_resolution": None, "rendering": {"bidx": [1]}}, {"tilesize": "512"}),
        (
            {"band_count": 1, "dtypes": ["float32"]},
            {"tilesize": "512", "minzoom": "0", "colormap_name": "viridis"},
        ),
    ],
)
def test_the_map_asks_for_tiles_that_are_there(known: dict[str, Any], query: dict[str, str]) -> None:
    raster, _ = page_data(data_characteristics=known)
    assert raster["tile_query"] == query
    assert str(raster["tile_size"]) == query["tilesize"]


@pytest.fixture
def map_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page as it is where MapLibre GL is installed."""
    (tmp_path / "vendor").mkdir()
    for name in ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css"):
        (tmp_path / "vendor" / name).touch()
    monkeypatch.setattr(static_files, "ROOT", tmp_path)


@pytest.mark.usefixtures("map_library")
def test_every_layer_of_a_dataset_can_be_switched() -> None:
    layers = [
        {
            "layer": "roads",
            "family": family,
            "feature_count": 1234,
            "bbox": [1, 2, 3, 4],
            "features": f"https://a.example/{family}",
            "tilejson": f"https://a.example/{family}/tilejson.json",
        }
        for family in (None, HOSTILE)
    ]
    html = rendered(Catalogue(summary(data_characteristics={"collections": layers})))
    assert html.count('<input type="checkbox"') == 2
    assert "1,234" in html
    assert HOSTILE not in html
    data = re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    assert data
    assert [each["tilejson"] for each in json.loads(data[1])["selected"]["layers"]] == [
        each["tilejson"] for each in layers
    ]


@pytest.mark.usefixtures("map_library")
def test_the_only_layer_needs_no_switch() -> None:
    endpoints = {"features": "https://a.example/x", "tilejson": "https://a.example/x/tilejson.json"}
    html = rendered(Catalogue(summary(endpoints=endpoints)))
    assert 'class="layers" hidden' in html
