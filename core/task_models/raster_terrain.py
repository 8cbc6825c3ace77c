"""Parameters and results of `terrain_products`: what is derived from an elevation model."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.task_models.raster import RasterClass, Rendering, TaskModel


class TerrainProductName(StrEnum):
    """`hillshade` and `slope` become COGs, `contours` a GeoPackage."""

    HILLSHADE = "hillshade"
    SLOPE = "slope"
    CONTOURS = "contours"


class TerrainOptions(BaseModel):
    """How the products are computed.

    Attributes:
        contour_interval: between two contours, in units of the elevations; None chooses a round one that
            gives some twenty contours.
        metres_per_unit: of the elevations: 1 for metres, 0.3048 for feet.
        azimuth, altitude: where the light of the hillshade comes from, in degrees: clockwise from the
            top of the grid, and above the horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    contour_interval: float | None = Field(default=None, gt=0)
    metres_per_unit: float = Field(default=1.0, gt=0)
    azimuth: float = Field(default=315.0, ge=0, le=360)
    altitude: float = Field(default=45.0, gt=0, le=90)


class TerrainProductsParameters(TaskModel):
    """The COG of an elevation model, and what to derive from it below `target_prefix`.

    `classification` is that of `process_raster`; without it, the bands of the COG must speak for themselves.
    """

    blob_uri: str
    target_prefix: str
    products: tuple[TerrainProductName, ...] = Field(
        default=tuple(TerrainProductName), min_length=1, max_length=len(TerrainProductName)
    )
    classification: RasterClass | None = None
    options: TerrainOptions = TerrainOptions()

    @field_validator("products")
    @classmethod
    def _each_once(cls, products: tuple[TerrainProductName, ...]) -> tuple[TerrainProductName, ...]:
        if len(set(products)) < len(products):
            raise ValueError("a product is named twice")
        return products


class TerrainProductParameters(TaskModel):
    """One of them."""

    product: TerrainProductName
    blob_uri: str
    target_prefix: str
    classification: RasterClass | None = None
    options: TerrainOptions = TerrainOptions()


class TerrainProduct(TaskModel):
    """A derived file in blob storage.

    Attributes:
        sha256: of the file, 64 hex digits.
        unit: of its values; None for the hillshade, whose values are brightnesses from 1 to 255.
        rendering: how it is shown; None for contours.
        contour_interval: the one that was used, in units of the elevations.
        feature_count: the number of contours; 0 for a plain without any.
    """

    name: TerrainProductName
    blob_uri: str
    size_bytes: int
    sha256: str
    media_type: str
    unit: str | None = None
    rendering: Rendering | None = None
    contour_interval: float | None = None
    feature_count: int | None = None
    warnings: tuple[str, ...] = ()


class TerrainProductsResult(TaskModel):
    """The products in the order in which they were asked for."""

    products: tuple[TerrainProduct, ...]
