"""Writing a layer through GDAL's Arrow door, with nothing lost that GDAL or the table had to say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import PermanentTaskError
from services.vector import ogr
from services.vector.export.notes import Notes
from services.vector.export.source import GEOMETRY

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN_MESSAGES = 5
_WITH_DIMENSIONS = {"": "{}", "Z": "{} Z", "M": "Measured {}", "ZM": "Measured 3D {}"}


@dataclass(frozen=True, slots=True)
class GdalLayer:
    """What GDAL is told of a layer. `geometry_type` is PostGIS's, None of a table without geometries."""

    driver: str
    name: str
    geometry_type: str | None
    crs: str | None
    layer_options: Mapping[str, str] = field(default_factory=dict)
    dataset_options: Mapping[str, str] = field(default_factory=dict)


def write_layer(
    layer: GdalLayer,
    *,
    schema: "pa.Schema",
    batches: "Iterable[pa.RecordBatch]",
    target: Path,
    notes: Notes,
    append: bool = False,
) -> None:
    """Write batches of one schema as a layer of `target`; with `append`, beside its other layers.

    Raises:
        PermanentTaskError: EXPORT_FAILED: GDAL refuses something.
        Whatever `batches` raises.
    """
    import pyarrow as pa
    import pyogrio

    heard = _Batches(batches)
    reader = pa.RecordBatchReader.from_batches(schema, heard)
    with ogr.writing() as messages:
        try:
            pyogrio.write_arrow(
                reader,
                target,
                layer=layer.name,
                driver=layer.driver,
                geometry_name=GEOMETRY if layer.geometry_type else None,
                geometry_type=_gdal_type(layer.geometry_type) if layer.geometry_type else None,
                crs=layer.crs,
                append=append,
                layer_options=dict(layer.layer_options),
                dataset_options=dict(layer.dataset_options),
            )
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as exc:
            if heard.failure:
                raise heard.failure from exc
            raise _refused(layer.driver, [*messages(), str(exc)]) from exc
        if heard.failure:
            raise heard.failure
        for message in messages():
            notes.say("WRITER_WARNING", f"The writer of the format says: {message[:300]}")


class _Batches:
    """Remembers what stopped the batches: through Arrow's C interface only the fact arrives."""

    def __init__(self, batches: "Iterable[pa.RecordBatch]") -> None:
        self._batches = batches
        self.failure: BaseException | None = None

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        try:
            yield from self._batches
        except BaseException as exc:
            self.failure = exc
            raise


def _gdal_type(geometry_type: str) -> str:
    plain = geometry_type.rstrip("ZM")
    dimensions = geometry_type[len(plain) :]
    if plain == "Geometry":
        return "Unknown"  # with heights or measures as well: pyogrio reads no files that say more
    return "PointM" if geometry_type == "PointM" else _WITH_DIMENSIONS[dimensions].format(plain)


def _refused(driver: str, messages: list[str]) -> PermanentTaskError:
    return PermanentTaskError(
        f"The data cannot be written as {driver}.",
        code="EXPORT_FAILED",
        remedy="Take another format; GeoParquet holds everything that a table can hold.",
        context={"messages": messages[:_SHOWN_MESSAGES]},
    )
