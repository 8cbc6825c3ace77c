"""What is done to libgdal: no driver but those admitted, no message lost, and no handler left behind."""

from pathlib import Path
from threading import Thread

import pyogrio
import pytest

from core.errors import PermanentTaskError
from services.vector import ogr
from services.vector.source import SourceLayer
from tests.unit.vector.conftest import Admit, Read
from tests.vectors import geojson, points, shapefile_parts, zipped_shapefile


def handler_mark() -> int | None:
    """The mark of the handler that GDAL would call now in this thread."""
    _, library = ogr._gdal()
    mark: int | None = library.CPLGetErrorHandlerUserData()
    return mark


def test_only_the_admitted_drivers_are_left(read: Read) -> None:
    read("a.geojson", geojson(points(1)))

    assert set(pyogrio.list_drivers()) == {
        "CSV", "DXF", "ESRI Shapefile", "FlatGeobuf", "GML", "GPKG", "GeoJSON", "GeoJSONSeq", "LIBKML",
        "MEM", "OpenFileGDB", "PMTiles",
    }  # fmt: skip
    assert pyogrio.get_gdal_config_option("GDAL_HTTP_PROXY") == ogr._OPTIONS["GDAL_HTTP_PROXY"]


@pytest.mark.parametrize("content", [geojson(points(2)), geojson(points(2))[:-20], b"", geojson([])])
def test_no_handler_stays_whether_the_file_opens_or_not(admitted: Admit, content: bytes) -> None:
    (layer,) = admitted("a.geojson", geojson(points(2)))
    layer.path.write_bytes(content)
    try:
        with ogr.read(layer) as stream:
            assert handler_mark() == ogr._OURS
            list(stream.batches)
    except PermanentTaskError:
        pass

    assert handler_mark() is None


def test_layers_in_two_threads_do_not_hear_each_other(admitted: Admit, tmp_path: Path) -> None:
    (layer,) = admitted("a.zip", zipped_shapefile(shapefile_parts(tmp_path, points(20))))
    whole = layer.path.read_bytes()
    with ogr.read(layer) as stream:
        layer.path.write_bytes(whole[:-100])
        heard: list[str] = []
        other = Thread(target=lambda: heard.append(_complaint(layer)))
        other.start()
        other.join()
        layer.path.write_bytes(whole)
        assert sum(batch.num_rows for batch in stream.batches) == 20

    assert heard == ["GEOMETRY_UNREADABLE"]


def _complaint(layer: SourceLayer) -> str:
    with pytest.raises(PermanentTaskError) as caught, ogr.read(layer) as stream:
        list(stream.batches)
    return caught.value.code
