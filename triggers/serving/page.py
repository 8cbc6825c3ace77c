"""The page at `/`: what was published lately, and a map of it. Works as a list without any script."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func
from jinja2 import Environment, FileSystemLoader, select_autoescape

from core.errors import AppError
from infrastructure.repositories.published import PublishedSummary
from triggers.serving.config import PublishedCatalogue
from triggers.serving.datasets import title_of
from triggers.serving.static_files import has_map_library

LOG = logging.getLogger(__name__)
_LISTED = 50


@dataclass(frozen=True, slots=True)
class _Raster:
    """What the map must know of a raster.

    `tile_query` is for its TileJSON; `classes` are names by value, and `unit` that of the values of `band`.
    """

    tile_size: int
    tile_query: dict[str, str]
    band: int | None
    classes: dict[str, str]
    unit: str

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> "_Raster":
        look = known.get("rendering") or {}
        # Low zooms that were drawn in advance are tiles of 256 pixels.
        tile_size = 256 if "tile_cache" in known else 512
        query = {"tilesize": str(tile_size)}
        if "part_count" not in known or known.get("overview_resolution"):
            query["minzoom"] = "0"  # so that it does not vanish when one looks from afar
        if not look and known.get("band_count") == 1 and set(known.get("dtypes", ())) != {"uint8"}:
            query["colormap_name"] = "viridis"
        bands: Sequence[int] = look.get("bidx") or ()
        return cls(
            tile_size=tile_size,
            tile_query=query,
            band=bands[0] if len(bands) == 1 else None,
            classes={f"{entry['value']:g}": entry["label"] for entry in look.get("legend") or ()},
            unit=look.get("unit") or "",
        )


@dataclass(frozen=True, slots=True)
class _Layer:
    """A collection of features as the map shows it; `features` is its address."""

    title: str
    count: int | None
    bbox: list[float] | None
    features: str
    tilejson: str

    @classmethod
    def all_of(cls, summary: PublishedSummary) -> "list[_Layer]":
        """The collections of a dataset, in the order of its source."""
        endpoints, known = summary.endpoints or {}, summary.data_characteristics
        own = {"layer": summary.collection_id, **known, **endpoints}
        return [
            cls(
                title=each["layer"] + (f" ({each['family']})" if each.get("family") else ""),
                count=each.get("feature_count"),
                bbox=each.get("bbox"),
                features=each["features"],
                tilejson=each["tilejson"],
            )
            for each in known.get("collections") or [own]
            if "features" in each and "tilejson" in each
        ]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A dataset as the page shows it, or one of its `mosaics` (names and titles), `dataset` being whose."""

    name: str
    title: str
    data_type: str
    published_at: str
    endpoints: dict[str, str]
    bbox: list[float] | None
    raster: "_Raster | None"
    layers: "list[_Layer]"
    legend: str | None
    dataset: str
    mosaics: list[tuple[str, str]]

    @classmethod
    def of(cls, summary: PublishedSummary) -> "_Entry":
        known, endpoints = summary.data_characteristics, dict(summary.endpoints or {})
        return cls(
            name=summary.collection_id,
            title=summary.own_title or title_of(summary.identifiers) or summary.collection_id,
            data_type=summary.data_type,
            published_at=f"{summary.published_at:%Y-%m-%d %H:%M} UTC" if summary.published_at else "",
            endpoints=endpoints,
            bbox=list(known["bbox"]) if known.get("bbox") else None,
            raster=_Raster.of(known) if "tiles" in endpoints else None,
            layers=_Layer.all_of(summary),
            legend=_without_title(endpoints["legend"]) if "legend" in endpoints else None,
            dataset=summary.dataset or summary.collection_id,
            mosaics=[(each["collection_id"], each["title"]) for each in known.get("mosaics") or ()],
        )


def _without_title(legend: str) -> str:
    """The page has the title already."""
    return f"{legend}{'&' if '?' in legend else '?'}title=false"


class Page:
    """Renders the page."""

    def __init__(self, catalogue: PublishedCatalogue, *, public_base_url: str) -> None:
        self._catalogue = catalogue
        self._base = public_base_url.rstrip("/")

    def answer(self, wanted: str | None) -> func.HttpResponse:
        """The page; `wanted` names the dataset that the map shows, by default the newest."""
        entries, selected, notice = self._content(wanted)
        html = self._template.render(
            base=self._base,
            entries=entries,
            selected=selected,
            selected_data=asdict(selected) if selected else None,
            notice=notice,
            has_map=has_map_library(),
        )
        return func.HttpResponse(html, mimetype="text/html", charset="utf-8", headers=self._headers)

    def _content(self, wanted: str | None) -> tuple[list[_Entry], _Entry | None, str]:
        """The list, the selected one, and what the reader must know."""
        try:
            entries = [_Entry.of(summary) for summary in self._catalogue.latest(_LISTED)]
            found = self._catalogue.find(wanted[:100]) if wanted else None
        except AppError as exc:
            LOG.warning("the page has no list", extra={"action": "page_without_list", "code": exc.code})
            return [], None, "The list of datasets cannot be read now: the database does not answer."
        if wanted and found is None:
            return entries, None, f"No dataset is published under the name “{wanted[:100]}”."
        newest = entries[0] if entries else None
        return entries, _Entry.of(found) if found else newest, ""

    @cached_property
    def _template(self) -> Any:
        folder = Path(__file__).parent / "templates"
        environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape())
        return environment.get_template("page.html")

    @property
    def _headers(self) -> dict[str, str]:
        address = urlsplit(self._base)
        origin = f"{address.scheme}://{address.netloc}"
        return {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; worker-src 'self' blob:;"
                " style-src 'self' 'unsafe-inline';"
                f" img-src 'self' data: blob: {origin}; connect-src 'self' {origin}; base-uri 'none';"
                " form-action 'none'; frame-ancestors 'self'"
            ),
        }
