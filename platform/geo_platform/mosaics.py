"""The mosaics that a raster dataset is published as: one, or one for each kind of its files. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo_platform import identity

if TYPE_CHECKING:
    from geo_platform.plan_context import PlanContext

_NAME_IN_WKT = re.compile(r'\w+\["([^"]+)"')


@dataclass(frozen=True, slots=True)
class DatasetMosaic:
    """One mosaic of a dataset.

    Attributes:
        collection_id: in URLs; the first mosaic has the dataset's own.
        title: for people.
        summary: as the job that made it describes it (`MosaicResult`).
        tile_cache: the low zooms that were drawn of it (`GenerateTileCacheResult`); None before, and without.
    """

    collection_id: str
    title: str
    summary: Mapping[str, Any]
    tile_cache: Mapping[str, Any] | None
    is_first: bool

    @property
    def has_overview(self) -> bool:
        """Whether there is a picture of the whole, of which low zooms can be drawn."""
        return self.summary["overview_uri"] is not None


def dataset_mosaics(context: PlanContext) -> tuple[DatasetMosaic, ...]:
    """The mosaics of a dataset that are made, the largest first.

    Raises:
        ContractViolation: they are not made yet.
    """
    summaries = first_and_others(context.result_of(context.maker))
    caches = iter(_tile_caches(context))
    return tuple(
        DatasetMosaic(
            collection_id=identity.mosaic_collection_id(context.collection_id, number),
            title=f"{context.title} / {_kind(summary)}" if len(summaries) > 1 else context.title,
            summary=summary,
            tile_cache=next(caches, None) if summary["overview_uri"] else None,
            is_first=number == 1,
        )
        for number, summary in enumerate(summaries, start=1)
    )


def first_and_others(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The results for each mosaic in that of a job that has made several."""
    first = {name: value for name, value in result.items() if name != "others"}
    return (first, *result.get("others", ()))


def _tile_caches(context: PlanContext) -> tuple[Mapping[str, Any], ...]:
    """In the order of the mosaics that have an overview; all of them are drawn, or none."""
    drawn = context.results.get("generate_tile_cache") if context.runs("generate_tile_cache") else None
    return first_and_others(drawn) if drawn else ()


def _kind(summary: Mapping[str, Any]) -> str:
    """What tells the files of a mosaic from the others: "dem, 1 x float32, EPSG:32632, 10 x 10"."""
    types, crs = "/".join(dict.fromkeys(summary["dtypes"])), summary["crs"]
    named = _NAME_IN_WKT.match(crs)
    x, y = summary["resolution"]
    bands = f"{summary['band_count']} x {types}"
    return f"{summary['classification']}, {bands}, {named[1] if named else crs}, {x:.6g} x {y:.6g}"
