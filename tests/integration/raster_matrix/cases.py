"""The matrix: what rasters come in, as data. Each case differs from the plain one in what it names.

The plain one is a north-up GeoTIFF of bytes in UTM. `refused` is the code of the error for what cannot be
published; everything else must come out with the pixels, grid, nodata and CRS that GDAL's own programs see.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from rasterio.transform import Affine

from core.task_models.raster_validation import ReadingOptions
from tests.rasters import UTM33_ORIGIN

LOWEST_FLOAT32 = -3.4028234663852886e38
CUSTOM_CRS = (
    "+proj=laea +lat_0=-12.5 +lon_0=42.25 +x_0=1000000 +y_0=2000000 +ellps=GRS80 +units=m +no_defs +type=crs"
)


class Pixels(Enum):
    """What is in the bands."""

    GRADIENT = auto()
    NOISE = auto()
    CLASSES = auto()
    BITS = auto()
    """0 and 1."""
    RANGE = auto()
    """The lowest and the highest value of the type, and what lies between."""
    RELIEF = auto()
    """A smooth surface, as elevations are."""
    HOLES = auto()
    """Every fifth column has the nodata value."""


class Mask(Enum):
    """What says which pixels count, besides nodata."""

    NONE = auto()
    INTERNAL = auto()
    ALPHA = auto()
    PARTIAL_ALPHA = auto()


class Check(Enum):
    """How what comes out compares with what went in."""

    SAME = auto()
    """The same pixels on the same grid."""
    WARPED = auto()
    """What `gdalwarp` makes of it, within a pixel: it has no grid of its own."""
    REPROJECTED = auto()
    """What `gdalwarp` makes of it on the grid of the COG, which is to lie where it would put its own."""


@dataclass(frozen=True)
class Case:
    """One raster. `convert`: arguments of gdal_translate, by which the GeoTIFF becomes something else.

    `tolerance`: by how much a lossy source may differ from one decoder to another.
    `zipped`: the suffix of a picture that is put into a zip with a world file and a .prj.
    `tiles`: its tiles are compared as well.
    """

    name: str
    dtype: str = "uint8"
    bands: int = 1
    width: int = 61
    height: int = 47
    crs: str | None = "EPSG:32633"
    transform: Affine | None = UTM33_ORIGIN
    nodata: float | None = None
    pixels: Pixels = Pixels.GRADIENT
    mask: Mask = Mask.NONE
    palette: bool = False
    creation: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    overviews: tuple[int, ...] = ()
    gcps: str | None = None
    convert: tuple[str, ...] = ()
    suffix: str = ".tif"
    zipped: str | None = None
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    options: Mapping[str, Any] = field(default_factory=dict)
    check: Check = Check.SAME
    tolerance: int = 0
    tiles: bool = False
    refused: str | None = None

    def __str__(self) -> str:
        return self.name


def _types() -> Iterator[Case]:
    for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"):
        yield Case(f"type-{dtype}", dtype=dtype, pixels=Pixels.RANGE)
        yield Case(f"type-{dtype}-3-bands", dtype=dtype, bands=3, pixels=Pixels.NOISE)
    for bands in (2, 4, 5, 13, 64):
        yield Case(f"bands-{bands}", dtype="uint16", bands=bands)


def _degrees(west: float, north: float, size: float) -> Affine:
    return Affine(size, 0, west, 0, -size, north)


def _grid(west: float, north: float, size: float) -> Affine:
    return Affine(size, 0, west, 0, -size, north)


def _references() -> Iterator[Case]:
    places: Mapping[str, tuple[str, Affine]] = {
        "mercator": ("EPSG:3857", _grid(1_000_000, 6_000_000, 30)),
        "degrees": ("EPSG:4326", _degrees(12.1, 48.3, 0.001)),
        "degrees-nad27": ("EPSG:4267", _degrees(-100.5, 40.25, 0.01)),
        "laea-europe": ("EPSG:3035", _grid(4_321_000, 3_210_000, 100)),
        "lambert-93": ("EPSG:2154", _grid(650_000, 6_860_000, 5)),
        "britain": ("EPSG:27700", _grid(400_000, 300_000, 50)),
        "switzerland": ("EPSG:2056", _grid(2_600_000, 1_200_000, 2)),
        "feet": ("EPSG:2263", _grid(980_000, 200_000, 10)),
        "south": ("EPSG:32755", _grid(300_000, 5_800_000, 20)),
        "arctic": ("EPSG:3413", _grid(-3_050_00, 2_350_00, 10_000)),
        "antarctic": ("EPSG:3031", _grid(-3_000_000, 2_300_000, 100_000)),
        "antimeridian-utm": ("EPSG:32760", _grid(800_000, 8_000_000, 500)),
        "antimeridian-pacific": ("EPSG:3832", _grid(3_300_000, -1_000_000, 5_000)),
        "globe": ("EPSG:4326", Affine(360 / 61, 0, -180, 0, -180 / 47, 90)),
        "globe-pixel-centres": ("EPSG:4326", Affine(6, 0, -183, 0, -180 / 46, 90 + 90 / 46)),
        "globe-from-0-to-360": ("EPSG:4326", Affine(360 / 61, 0, 0, 0, -3, 80)),
        "no-epsg-code": (CUSTOM_CRS, _grid(900_000, 2_100_000, 250)),
    }
    for name, (crs, transform) in places.items():
        yield Case(f"crs-{name}", crs=crs, transform=transform, dtype="int16")


def _nodata() -> Iterator[Case]:
    values: Mapping[str, tuple[str, float]] = {
        "byte-0": ("uint8", 0),
        "byte-255": ("uint8", 255),
        "int8-lowest": ("int8", -128),
        "int16-9999": ("int16", -9999),
        "int16-lowest": ("int16", -32768),
        "uint16-highest": ("uint16", 65535),
        "int32-lowest": ("int32", -(2**31)),
        "uint32-highest": ("uint32", 2**32 - 1),
        "float-nan": ("float32", float("nan")),
        "float-9999": ("float32", -9999.0),
        "float-lowest": ("float32", LOWEST_FLOAT32),
        "double-nan": ("float64", float("nan")),
        "double-1e20": ("float64", 1e20),
    }
    for name, (dtype, value) in values.items():
        yield Case(f"nodata-{name}", dtype=dtype, nodata=value, pixels=Pixels.HOLES, bands=2)
    yield Case(
        "nodata-given",
        dtype="int16",
        pixels=Pixels.HOLES,
        reading=ReadingOptions(nodata=-9999.0),
        nodata=None,
    )
    yield Case("nodata-not-a-value-of-the-type", dtype="uint8", tags={"nodata": "-9999"})


def _compressions() -> Iterator[Case]:
    def case(name: str, **creation: Any) -> Case:
        return Case(f"compress-{name}", bands=3, pixels=Pixels.NOISE, creation=creation)

    yield case("none")
    yield case("lzw", compress="LZW")
    yield case("lzw-horizontal", compress="LZW", predictor=2)
    yield case("deflate", compress="DEFLATE", zlevel=9)
    yield case("deflate-horizontal", compress="DEFLATE", predictor=2)
    yield case("packbits", compress="PACKBITS")
    yield case("zstd", compress="ZSTD")
    yield case("lzma", compress="LZMA")
    yield case("lerc", compress="LERC")
    yield case("lerc-zstd", compress="LERC_ZSTD")
    yield case("webp-lossless", compress="WEBP", webp_lossless=True, tiled=True, blockxsize=64, blockysize=64)
    yield case("jpeg", compress="JPEG", photometric="RGB")
    # Colours at half the resolution: each version of GDAL fills them in a little differently.
    yield Case(
        "compress-jpeg-ycbcr",
        bands=3,
        pixels=Pixels.RELIEF,
        creation={"compress": "JPEG", "photometric": "YCBCR"},
        tolerance=2,
    )
    yield Case(
        "compress-floating-point",
        dtype="float32",
        pixels=Pixels.RELIEF,
        creation={"compress": "DEFLATE", "predictor": 3},
    )
    yield Case("compress-fax", pixels=Pixels.BITS, creation={"compress": "CCITTFAX4", "nbits": 1}, width=96)


def _layouts() -> Iterator[Case]:
    def case(name: str, **creation: Any) -> Case:
        return Case(f"layout-{name}", bands=3, dtype="uint16", width=131, height=97, creation=creation)

    tiles = {"tiled": True, "blockxsize": 32, "blockysize": 16}
    yield case("strips", blockysize=7)
    yield case("one-row-strips", blockysize=1)
    yield case("one-strip", blockysize=97)
    yield case("tiles", **tiles)
    yield case("planar-strips", interleave="band", blockysize=11)
    yield case("planar-tiles", interleave="band", **tiles)
    yield case("bigtiff", bigtiff="YES")
    yield case("bigtiff-tiles", bigtiff="YES", compress="DEFLATE", **tiles)
    yield case("big-endian", endianness="BIG")
    yield case("big-endian-tiles", endianness="BIG", compress="LZW", predictor=2, **tiles)
    yield case("geotiff-1.1", geotiff_version="1.1")
    yield Case("layout-overviews", bands=3, width=300, height=200, overviews=(2, 4), tiles=True)
    yield Case("layout-is-a-cog", width=600, height=520, convert=("-of", "COG", "-co", "COMPRESS=LZW"))
    for name, width, height in (("pixel", 1, 1), ("row", 333, 1), ("column", 1, 333), ("odd", 513, 511)):
        yield Case(f"layout-one-{name}", width=width, height=height, dtype="int16")


def _orientations() -> Iterator[Case]:
    grids: Mapping[str, Affine] = {
        "south-up": Affine(10, 0, 500_000, 0, 10, 5_299_000),
        "east-first": Affine(-10, 0, 500_610, 0, -10, 5_300_000),
        "upside-down": Affine(-10, 0, 500_610, 0, 10, 5_299_000),
        "rotated-30": UTM33_ORIGIN @ Affine.rotation(30),
        "rotated-90": UTM33_ORIGIN @ Affine.rotation(90),
        "sheared": UTM33_ORIGIN @ Affine.shear(10, 0),
        "oblong-pixels": Affine(30, 0, 500_000, 0, -7.5, 5_300_000),
    }
    for name, transform in grids.items():
        yield Case(f"orientation-{name}", transform=transform, dtype="int16", tiles=True)
    yield Case("orientation-pixel-is-point", tags={"AREA_OR_POINT": "Point"}, dtype="float32")


def _masks() -> Iterator[Case]:
    yield Case("mask-internal", bands=3, mask=Mask.INTERNAL)
    yield Case("mask-internal-float", dtype="float32", mask=Mask.INTERNAL, pixels=Pixels.RELIEF)
    yield Case("alpha", bands=4, mask=Mask.ALPHA, creation={"photometric": "RGB"}, tiles=True)
    yield Case("alpha-partial", bands=4, mask=Mask.PARTIAL_ALPHA, creation={"photometric": "RGB"})
    yield Case("alpha-grey", bands=2, mask=Mask.ALPHA)
    yield Case("alpha-uint16", bands=4, dtype="uint16", mask=Mask.ALPHA, creation={"photometric": "RGB"})
    yield Case("palette", palette=True, pixels=Pixels.CLASSES, tiles=True)
    yield Case("palette-nodata", palette=True, pixels=Pixels.CLASSES, nodata=0)
    yield Case("palette-mask", palette=True, pixels=Pixels.CLASSES, mask=Mask.INTERNAL)


def _contents() -> Iterator[Case]:
    for bits in (1, 2, 4):
        yield Case(f"bits-{bits}", pixels=Pixels.BITS, creation={"nbits": bits})
    yield Case("bits-12", dtype="uint16", creation={"nbits": 12})
    yield Case("bits-16-float", dtype="float32", creation={"nbits": 16}, pixels=Pixels.CLASSES)
    yield Case("colours-white-is-zero", creation={"photometric": "MINISWHITE"})
    yield Case("colours-rgb", bands=3, creation={"photometric": "RGB"}, tiles=True)
    yield Case("colours-rgb-16", bands=3, dtype="uint16", creation={"photometric": "RGB"})
    yield Case("band-names", bands=3, names=("red", "näher infrared", "w/ <odd> & name"))
    yield Case("scale-and-offset", dtype="int16", scale=(0.01, 273.15))
    yield Case("elevation", dtype="float32", pixels=Pixels.RELIEF, nodata=-9999.0, tiles=True)
    yield Case("one-value", dtype="float32", pixels=Pixels.BITS)
    yield Case("sparse", creation={"sparse_ok": True, "tiled": True, "blockxsize": 16, "blockysize": 16})


def _formats() -> Iterator[Case]:
    lossless = ("-of", "JP2OpenJPEG", "-co", "QUALITY=100", "-co", "REVERSIBLE=YES")
    yield Case("jp2-grey", convert=lossless, suffix=".jp2", width=128, height=96)
    yield Case("jp2-colour", bands=3, convert=lossless, suffix=".jp2", width=128, height=96)
    yield Case("jp2-16-bit", dtype="uint16", convert=lossless, suffix=".jp2", width=128, height=96)
    yield Case("png-zip", bands=3, zipped=".png")
    yield Case("png-zip-16-bit", dtype="uint16", zipped=".png")
    yield Case("png-zip-palette", palette=True, pixels=Pixels.CLASSES, zipped=".png")
    yield Case("png-zip-alpha", bands=4, mask=Mask.ALPHA, zipped=".png", creation={"photometric": "RGB"})
    yield Case("jpeg-zip", bands=3, zipped=".jpg")
    yield Case("tiff-zip", bands=2, dtype="int16", zipped=".tif")


def _placed_otherwise() -> Iterator[Case]:
    yield Case("gcps-regular", gcps="regular", transform=None)
    yield Case("gcps-bent", gcps="bent", transform=None, check=Check.WARPED, width=120, height=90)
    yield Case("crs-assigned", crs=None, reading=ReadingOptions(source_crs="EPSG:32633"))


def _outputs() -> Iterator[Case]:
    for name in ("NONE", "DEFLATE", "LZW", "ZSTD", "LERC_ZSTD"):
        yield Case(f"to-{name.lower()}", dtype="int16", pixels=Pixels.RELIEF, options={"compression": name})
    yield Case(
        "to-zstd-predicted",
        dtype="float32",
        pixels=Pixels.RELIEF,
        options={"compression": "ZSTD", "predictor": "floating_point", "cog_tier": "archive"},
    )
    yield Case(
        "to-jpeg",
        bands=3,
        pixels=Pixels.RELIEF,
        creation={"photometric": "RGB"},
        options={"cog_tier": "visualization"},
        tolerance=12,
    )
    yield Case("to-small-tiles", width=300, height=200, options={"blocksize": 128}, tiles=True)
    yield Case("to-no-overviews", width=200, height=100, options={"build_overviews": False})
    for crs in ("EPSG:3857", "EPSG:4326", "EPSG:3035"):
        yield Case(
            f"to-{crs[5:]}",
            dtype="float32",
            pixels=Pixels.RELIEF,
            nodata=-9999.0,
            options={"target_crs": crs},
            check=Check.REPROJECTED,
        )
    yield Case(
        "to-3857-south-up",
        dtype="float32",
        pixels=Pixels.RELIEF,
        transform=Affine(10, 0, 500_000, 0, 10, 5_299_000),
        nodata=-1.0,
        options={"target_crs": "EPSG:3857"},
        check=Check.REPROJECTED,
    )
    yield Case(
        "to-3857-turned",
        dtype="float32",
        pixels=Pixels.RELIEF,
        transform=UTM33_ORIGIN @ Affine.rotation(30),
        nodata=-1.0,
        options={"target_crs": "EPSG:3857"},
        check=Check.REPROJECTED,
    )


def _refused() -> Iterator[Case]:
    yield Case("refused-no-crs", crs=None, refused="CRS_MISSING")
    yield Case("refused-nowhere", transform=None, refused="NO_GEOREFERENCE")
    yield Case("refused-complex", dtype="complex64", refused="DTYPE_UNSUPPORTED")
    yield Case("refused-empty", nodata=7, pixels=Pixels.HOLES, tags={"fill": "7"}, refused="RASTER_EMPTY")
    yield Case("refused-65-bands", bands=65, refused="BAND_LIMIT")
    yield Case(
        "refused-off-the-globe",
        crs="EPSG:4326",
        transform=_degrees(500_000, 5_300_000, 10),
        refused="COORDINATES_OUT_OF_RANGE",
    )
    yield Case("refused-png", convert=("-of", "PNG"), suffix=".png", refused="UNSUPPORTED_FORMAT")
    yield Case("refused-wrong-name", convert=("-of", "PNG"), suffix=".tif", refused="CONTENT_MISMATCH")
    yield Case("refused-ascii-grid", convert=("-of", "AAIGrid"), suffix=".asc", refused="UNSUPPORTED_FORMAT")


CASES: tuple[Case, ...] = (
    *_types(),
    *_references(),
    *_nodata(),
    *_compressions(),
    *_layouts(),
    *_orientations(),
    *_masks(),
    *_contents(),
    *_formats(),
    *_placed_otherwise(),
    *_outputs(),
    *_refused(),
)
