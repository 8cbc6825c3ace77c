"""What a report says of tables and rasters, as far as the page shows it.

Reports are stored, and older ones say less: everything has a default, and what is not known here is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.task_models.raster import BandStatistics, Rendering
from core.task_models.raster_cog import PixelProof


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReportedColumn(_Read):
    """A column of a table, and the name it had in the source."""

    name: str
    sql_type: str = ""
    source_name: str = ""


class ReportedStep(_Read):
    """How often a step of the cleaning had something to do."""

    step: str
    policy: str = ""
    count: int = 0
    unit: str = "features"


class ReportedRepair(_Read):
    """A large change of area."""

    row: int
    fid: int | None = None
    area_before: float = 0
    area_after: float = 0


class ReportedProfile(_Read):
    """The values of a column."""

    name: str
    nulls: int | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    distinct: int | None = None
    histogram: tuple[int, ...] = ()
    most_common: tuple[tuple[str, int], ...] = ()
    sampled: bool = True


class ReportedTable(_Read):
    """A table of features. `read_count` is None in reports of before it was counted."""

    layer: str = ""
    family: str | None = None
    srid: int | None = None
    source_crs: str = ""
    operation: str | None = None
    accuracy: float | None = None
    geometry_type: str = ""
    read_count: int | None = None
    feature_count: int = 0
    rejected_count: int = 0
    null_geometry_count: int = 0
    bbox: tuple[float, ...] | None = None
    footprint: dict[str, Any] | None = None
    columns: tuple[ReportedColumn, ...] = ()
    ids: str = ""
    digest: str = ""
    vertex_count: int = 0
    largest_vertex_count: int = 0
    size_bytes: int = 0
    steps: tuple[ReportedStep, ...] = ()
    reasons: dict[str, int] = {}
    repairs: tuple[ReportedRepair, ...] = ()
    area_change: float = 0
    profiles: tuple[ReportedProfile, ...] = ()

    @property
    def title(self) -> str:
        """What people call it."""
        name = self.layer or "The table"
        return f"{name} ({self.family.replace('_', ' ')})" if self.family else name


class ReportedRaster(_Read):
    """A raster, a mosaic (and the `others` of the dataset), or what the validation said of one."""

    width: int = 0
    height: int = 0
    band_count: int = 0
    dtypes: tuple[str, ...] = ()
    nodata: float | str | None = None
    crs: str = ""
    bbox: tuple[float, ...] | None = None
    resolution: tuple[float, ...] = ()
    color_interpretation: tuple[str, ...] = ()
    descriptions: tuple[str | None, ...] = ()
    statistics: tuple[BandStatistics, ...] = ()
    classification: str = ""
    compression: str = ""
    blocksize: int = 0
    overviews: tuple[int, ...] = ()
    size_bytes: int = 0
    total_bytes: int = 0
    sha256: str = ""
    part_count: int = 0
    rendering: Rendering | None = None
    proof: PixelProof | None = None
    others: "tuple[ReportedRaster, ...]" = ()


def tables_in(processing: Mapping[str, Any] | None) -> tuple[ReportedTable, ...]:
    """The tables of a vector dataset; reports of one table used to be that table."""
    if not processing:
        return ()
    found: Sequence[Mapping[str, Any]] = processing.get("tables") or (processing,)
    return tuple(ReportedTable.model_validate(each) for each in found)


def rasters_in(*results: Mapping[str, Any] | None) -> tuple[ReportedRaster, ...]:
    """From the first result that describes a raster, or several mosaics."""
    described = (result for result in results if result and result.get("width"))
    found = next(map(ReportedRaster.model_validate, described), None)
    return (found, *found.others) if found else ()
