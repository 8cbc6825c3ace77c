"""The one entry to the features of a layer, whatever its format: whole, readable, and as the census says.

Behind it are GDAL's drivers (`ogr`) and readers of our own. What they hand out passes through three checks
here: texts are UTF-8, geometries are plain ISO WKB, and nothing is missing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from core.task_models.vector import VectorFormat, VectorReading
from services.vector import csv_text, dxf, geojsonseq, geoparquet, kml, ogr
from services.vector.crs_of_layer import crs_of
from services.vector.losses import Losses
from services.vector.plain_wkb import PlainWkb
from services.vector.source import SourceLayer
from services.vector.stream import LayerStream
from services.vector.texts import Texts

Reader = Callable[..., AbstractContextManager[LayerStream]]
_READERS: dict[VectorFormat, Reader] = {
    VectorFormat.CSV: csv_text.read,
    VectorFormat.DXF: dxf.read,
    VectorFormat.GEOJSONSEQ: geojsonseq.read,
    VectorFormat.GEOPARQUET: geoparquet.read,
    VectorFormat.KML: kml.read,
}


@contextmanager
def open_layer(layer: SourceLayer, *, reading: VectorReading) -> Iterator[LayerStream]:
    """Open a layer; its batches are to be read once, to their end, in this thread.

    Guarantees of every batch: the geometry column is `binary`, null or little-endian ISO WKB of the seven
    types of Simple Features (M is kept, curves and surfaces have been made straight and are counted in
    `steps`); texts are valid UTF-8 without U+FFFD of our making; the schema is that of the whole layer.
    `crs` is `reading.source_crs` where that is given.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: it cannot be opened as what it should be; CRS_UNKNOWN;
            GEOMETRY_UNREADABLE or ENCODING_ERROR: also while the batches are read, or at their end, when
            features or geometries are missing.
    """
    with _READERS.get(layer.format, ogr.read)(layer, reading=reading) as stream:
        geometries = PlainWkb(stream.geometry_column)
        texts = Texts(layer.encoding)
        losses = Losses(layer.census, geometry_column=stream.geometry_column)
        yield replace(
            stream,
            crs=crs_of(layer, stream.crs, reading=reading),
            schema=geometries.schema(stream.schema),
            batches=losses.compared(geometries.plain(texts.readable(stream.batches))),
            steps=lambda: (*stream.steps(), *geometries.steps()),
            findings=lambda: (*layer.findings, *stream.findings()),
        )
