"""The names of classes: in the attribute table of a GeoTIFF, in the flags of a netCDF, from the client."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.shutil import copy

from core.task_models.raster import NamedClass, RasterClass
from core.task_models.raster_validation import ReadingOptions
from tests import rasters
from tests.tiff_bytes import GDAL_METADATA, Tag, TiffBytes
from tests.unit.raster_intake.conftest import Intake

BLOCK = bytes([1, 1, 1, 5] * 16) * 48
ROWS = "<Row index='0'><F>1</F><F>water &amp; sea</F></Row><Row index='1'><F>5</F><F>forest</F></Row>"
WATER, FOREST = NamedClass(value=1, name="water & sea"), NamedClass(value=5, name="forest")
# Of GDAL 3.12.1: `CreateCopy` to GTiff and to COG of a virtual raster with a table.
WRITTEN_BY_GDAL = """<GDALMetadata>
  <Item name="DESCRIPTION" sample="0" role="description">cover</Item>
  <Item name="DEFAULT_RASTER_ATTRIBUTE_TABLE" sample="0" role="rat">
    <GDALRasterAttributeTable tableType="thematic">
      <FieldDefn index="0">
        <Name>Value</Name>
        <Type typeAsString="Integer">0</Type>
        <Usage usageAsString="MinMax">5</Usage>
      </FieldDefn>
      <FieldDefn index="1">
        <Name>Klass</Name>
        <Type typeAsString="String">2</Type>
        <Usage usageAsString="Name">2</Usage>
      </FieldDefn>
      <Row index="0">
        <F>1</F>
        <F>water &amp; sea</F>
      </Row>
      <Row index="1">
        <F>5</F>
        <F>forest</F>
      </Row>
    </GDALRasterAttributeTable>
  </Item>
</GDALMetadata>
"""


def fields(*types_and_usages: str) -> str:
    return "".join(
        f"<FieldDefn index='{index}'><Name>c{index}</Name><Type>{each[0]}</Type><Usage>{each[1:]}</Usage>"
        "</FieldDefn>"
        for index, each in enumerate(types_and_usages)
    )


def table(
    *, columns: str = fields("05", "22"), rows: str = ROWS, kind: str = "thematic", sample: int = 0
) -> str:
    return (
        f"<GDALMetadata><Item name='DEFAULT_RASTER_ATTRIBUTE_TABLE' sample='{sample}' role='rat'>"
        f"<GDALRasterAttributeTable tableType='{kind}'>{columns}{rows}</GDALRasterAttributeTable>"
        "</Item></GDALMetadata>"
    )


def tiff(metadata: str | bytes, *, block: bytes = BLOCK, **form: Any) -> bytes:
    text = metadata.encode() if isinstance(metadata, str) else metadata
    return TiffBytes(blocks=[block], tags={GDAL_METADATA: Tag("s", text + b"\0")}, **form).build()


def row(*cells: str) -> str:
    return f"<Row>{''.join(f'<F>{cell}</F>' for cell in cells)}</Row>"


@pytest.mark.parametrize("form", [{}, {"is_big": True}, {"order": ">"}])
@pytest.mark.parametrize("metadata", [WRITTEN_BY_GDAL, table()])
def test_the_table_in_a_geotiff_names_classes(intake: Intake, metadata: str, form: dict[str, Any]) -> None:
    found = intake.validated(tiff(metadata, **form))
    assert found.classification == RasterClass.CATEGORICAL
    assert found.classes == (WATER, FOREST)


@pytest.mark.parametrize(
    "metadata",
    [
        table(columns=fields("04", "03", "22"), rows=row("1", "1", "water & sea".replace("&", "&amp;"))),
        table(columns=fields("15", "20"), rows=row("1.0", " water\n&amp; sea ")),
        table(
            rows=row("1", "water &amp; sea") + row("1", "again") + row("2", " ") + row("x", "y") + row("3")
        ),
    ],
    ids=["from lowest to highest", "real numbers, the only text", "rows that say nothing"],
)
def test_other_ways_to_write_the_table(intake: Intake, metadata: str) -> None:
    reading = ReadingOptions(class_names={5: "forest"})
    assert intake.validated(tiff(metadata), reading=reading).classes == (WATER, FOREST)


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "<GDALMetadata><Item",
        table(kind="athematic"),
        table(sample=1),
        table(columns=fields("05", "20", "20"), rows=row("1", "a", "b")),
        table(columns=fields("04", "03", "22"), rows=row("1", "9", "water")),
        table(columns=fields("05", "22"), rows="".join(row(str(n), f"n{n}") for n in range(257))),
        table().replace("<GDALMetadata>", "<!DOCTYPE a [<!ENTITY e 'x'>]><GDALMetadata>"),
        table().encode("utf-16"),
        table().encode().replace(b"forest", b"for\xeat"),
        b"<GDALMetadata>" + b" " * 2**20 + b"</GDALMetadata>",
    ],
)  # fmt: skip
def test_tables_that_are_left_alone(intake: Intake, metadata: str | bytes) -> None:
    assert intake.validated(tiff(metadata)).classes == ()


def test_a_table_beyond_the_end_of_the_file(intake: Intake) -> None:
    tag = Tag("s", table().encode(), count=500_000)
    content = TiffBytes(blocks=[BLOCK], tags={GDAL_METADATA: tag}).build()
    assert intake.validated(content).classes == ()


def test_colours_of_the_table(intake: Intake) -> None:
    columns = fields("05", "22", "06", "07", "08")
    rows = row("1", "water", "0", "0", "255") + row("5", "forest", "0", "300", "0")
    water, forest = intake.validated(tiff(table(columns=columns, rows=rows))).classes
    assert (water.color, forest.color) == ((0, 0, 255, 255), None)


def test_a_file_that_measures_may_name_what_it_could_not(intake: Intake) -> None:
    block = bytes(range(1, 65)) * 48
    found = intake.validated(tiff(table(), block=block))
    assert found.classification == RasterClass.CONTINUOUS
    assert found.classes == ()


def test_the_client_says_that_values_are_classes(intake: Intake) -> None:
    reading = ReadingOptions(class_names={5: "woods", 9: "town"})
    measured = intake.validated(tiff("", block=(bytes(range(1, 65)) * 48)), reading=reading)
    assert measured.classification == RasterClass.CATEGORICAL
    assert [each.name for each in measured.classes] == ["woods", "town"]
    assert [each.name for each in intake.validated(tiff(table()), reading=reading).classes] == [
        "water & sea", "woods", "town"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda path: rasters.write_geotiff(path, dtype="float32"), 1),
        (rasters.rgb, 1),
        (rasters.write_geotiff, 256),
        (rasters.write_geotiff, -1),
    ],
)
def test_class_names_that_cannot_be(intake: Intake, make: Any, value: int) -> None:
    reading = ReadingOptions(class_names={value: "water"})
    assert intake.refusal(make(intake.files / "a.tif"), reading=reading).code == "OPTIONS_CONFLICT"
    assert intake.refusal_to_convert(make(intake.files / "a.tif"), reading=reading).code == "OPTIONS_CONFLICT"


@pytest.mark.parametrize("is_masks", [False, True])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_flags_of_netcdf(intake: Intake, is_masks: bool) -> None:
    h5py: Any = pytest.importorskip("h5py")
    path = flagged(intake.files / "a.nc")
    with h5py.File(path, "a") as file:
        file["Band1"].attrs["flag_values"] = np.array([1, 2, 3], dtype="u1")
        file["Band1"].attrs["flag_meanings"] = np.bytes_("open_water forest town")
        if is_masks:
            file["Band1"].attrs["flag_masks"] = np.array([1, 2, 3], dtype="u1")
    names = [each.name for each in intake.validated(path, reading=ReadingOptions(extra_formats=True)).classes]
    assert names == ([] if is_masks else ["open water", "forest", "town"])


def flagged(path: Path) -> Path:
    data = (rasters.gradient(1, 48, 64, "uint8") % 3 + 1).astype("uint8")
    copy(rasters.write_geotiff(path.with_suffix(".tif"), data=data), path, driver="netCDF", FORMAT="NC4")
    return path
