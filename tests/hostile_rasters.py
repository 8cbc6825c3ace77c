"""A corpus of files that lie, are broken, or were made to harm, with the code that each is refused by."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.shutil import copy

from tests import rasters, tiff_bytes
from tests.tiff_bytes import Tag, TiffBytes

Make = Callable[[Path], bytes]
WKT = rasterio.crs.CRS.from_epsg(32633).to_wkt()
WORLD = "10\n0\n0\n-10\n500005\n5299995\n"


@dataclass(frozen=True)
class Hostile:
    """A file: its content, its name, and the code of its refusal."""

    what: str
    code: str
    make: Make
    name: str = "a.tif"


def content(data: bytes | str) -> Make:
    return lambda _: data.encode() if isinstance(data, str) else data


def tiff(**changes: object) -> Make:
    return lambda _: TiffBytes(**changes).build()  # type: ignore[arg-type]


def made(factory: Callable[..., Path], **options: object) -> Make:
    return lambda folder: factory(folder / "made.tif", **options).read_bytes()


def zipped(files: dict[str, Make | bytes | str]) -> Make:
    def make(folder: Path) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in files.items():
                archive.writestr(name, part(folder) if callable(part) else part)
        return buffer.getvalue()

    return make


def converted(driver: str, **options: str) -> Make:
    def make(folder: Path) -> bytes:
        source = rasters.rgb(folder / "source.tif", width=200, height=150)
        target = folder / f"converted.{driver[:3].lower()}"
        copy(source, target, driver=driver, **options)
        return target.read_bytes()

    return make


def patched(make: Make, change: Callable[[bytes], bytes]) -> Make:
    return lambda folder: change(make(folder))


jp2 = converted("JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
png = converted("PNG")
jpeg = converted("JPEG")


def huge_size(data: bytes) -> bytes:
    """A JPEG 2000 whose headers claim 200,000 x 200,000 (ISO/IEC 15444-1, I.5.3.1 and A.5.1)."""
    side = struct.pack(">I", 200_000)
    box, size = data.index(b"ihdr") + 4, data.index(b"\xff\x51") + 6
    data = data[:box] + side * 2 + data[box + 8 :]
    tile = size + 16
    return data[:size] + side * 2 + data[size + 8 : tile] + side * 2 + data[tile + 8 :]


def noise(data: bytes, *, start: float = 0.3, count: int = 400) -> bytes:
    """Bytes of the pixels are replaced; the headers and the end stay."""
    generator, content = random.Random(1), bytearray(data)
    for _ in range(count):
        content[generator.randrange(int(len(content) * start), int(len(content) * 0.9))] = 0xFF
    return bytes(content)


def png_of(width: int, height: int, *, padding: int = 0) -> bytes:
    """A PNG that claims a size, with a single row in it, and noise in a chunk that nobody reads."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows, noise_bytes = zlib.compress(b"\0" * (width + 1)), random.Random(2).randbytes(padding)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"noIs", noise_bytes)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def placed(**place: object) -> Make:
    """Placed by control points or RPCs and nothing else."""

    def make(folder: Path) -> bytes:
        return rasters.write_geotiff(folder / "placed.tif", transform=None, **place).read_bytes()  # type: ignore[arg-type]

    return make


def corrupt_blocks(compress: str) -> Make:
    """Compressed pixels with noise in them: decoding fails, the structure is sound."""
    data = np.random.default_rng(3).integers(0, 255, (1, 256, 256), dtype="uint8")
    return patched(
        made(rasters.write_geotiff, width=256, height=256, data=data, compress=compress, zlevel=9),
        lambda content: noise(content, start=0.1),
    )


def tiles(columns: int, rows: int, *, compression: int = 1, **changes: object) -> Make:
    """One tile is stored; `changes` may say that there are more of it."""
    tags = {
        tiff_bytes.TILE_WIDTH: Tag("I", [columns]),
        tiff_bytes.TILE_HEIGHT: Tag("I", [rows]),
        tiff_bytes.COMPRESSION: Tag("H", [compression]),
    }
    return tiff(is_tiled=True, blocks=[bytes(65_536)], tags=tags, **changes)


def on_a_line(step: float) -> Make:
    """Control points all in one place, or in none."""
    places = [(n * 4, n * 5, 5e5 + step, 5e6 + step) for n in range(5)]
    return placed(gcps=rasters.control_points(*places))


ASTRAY = rasters.control_points(
    (0, 0, -180, 90), (0, 1, 180, 90), (1, 0, -180, -90), (48, 64, -179.9999, 89.9999), (47, 64, 12, 14)
)
NO_TERMS = [0.0] * 20
GRIDDED = WKT[:-1] + ',EXTENSION["PROJ4","+proj=utm +zone=33 +nadgrids=/etc/hostname +units=m"]]'


def beside(files: dict[str, Make | bytes | str], **changes: str) -> Make:
    """In a zip with a sound world file and a sound `.prj`."""
    return zipped({**files, "a.wld": WORLD, "a.prj": WKT, **changes})


CORPUS = [
    # what the name promises and the bytes do not hold
    Hostile("empty", "RASTER_UNREADABLE", content(b"")),
    Hostile("text", "CONTENT_MISMATCH", content("Not found\n")),
    Hostile("virtual raster", "CONTENT_MISMATCH", content("<VRTDataset rasterXSize='1' rasterYSize='1'/>")),
    Hostile("virtual raster after a byte order mark", "CONTENT_MISMATCH", content("\ufeff <VRTDataset/>")),
    Hostile("web service", "CONTENT_MISMATCH", content("<GDAL_WMS><Service name='TMS'/></GDAL_WMS>")),
    Hostile("tile index", "CONTENT_MISMATCH", content("<GDALTileIndexDataset/>")),
    Hostile("name of another file", "CONTENT_MISMATCH", content("/vsicurl/http://127.0.0.1:9/a.tif")),
    Hostile("memory of the process", "CONTENT_MISMATCH", content("MEM:::DATAPOINTER=1,PIXELS=1,LINES=1")),
    Hostile("PNG named .tif", "CONTENT_MISMATCH", png),
    Hostile("zip named .tif", "CONTENT_MISMATCH", zipped({"a.tif": tiff()})),
    Hostile("TIFF named .jp2", "CONTENT_MISMATCH", tiff(), "a.jp2"),
    Hostile("TIFF named .vrt", "CONTENT_MISMATCH", tiff(), "a.vrt"),
    Hostile("virtual raster under its name", "UNSUPPORTED_FORMAT", content("<VRTDataset/>"), "a.vrt"),
    Hostile("PNG without a place", "UNSUPPORTED_FORMAT", png, "a.png"),
    Hostile("netCDF that is not allowed", "UNSUPPORTED_FORMAT", content(b"CDF\x01" + bytes(60)), "a.nc"),
    Hostile("HDF5 that is not allowed", "UNSUPPORTED_FORMAT", content(b"\x89HDF\r\n\x1a\n"), "a.h5"),
    Hostile("GRIB", "UNSUPPORTED_FORMAT", content(b"GRIB" + bytes(60)), "a.grb"),
    # TIFF directories
    Hostile("signature alone", "RASTER_UNREADABLE", content(b"II*\0")),
    Hostile("signature before garbage", "RASTER_UNREADABLE", content(b"II*\0" + b"\xff" * 500)),
    Hostile("no directory", "RASTER_UNREADABLE", content(b"II*\0" + bytes(60))),
    Hostile("BigTIFF with an impossible directory", "RASTER_UNREADABLE",
            content(b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(64))),
    Hostile("more directory entries than bytes", "RASTER_UNREADABLE",
            content(b"II*\0\x08\0\0\0\xff\xff" + bytes(100))),
    Hostile("width of 0", "RASTER_UNREADABLE", tiff(width=0)),
    Hostile("height beyond the blocks", "RASTER_UNREADABLE",
            tiff(height=40_000, tags={tiff_bytes.ROWS_PER_STRIP: Tag("I", [1])})),
    Hostile("4 billion strips", "SOURCE_TOO_LARGE",
            tiff(height=4_000_000_000, tags={tiff_bytes.ROWS_PER_STRIP: Tag("I", [1])})),
    Hostile("tiles of no width", "RASTER_UNREADABLE", tiles(0, 64)),
    Hostile("a list of 4 billion blocks", "RASTER_UNREADABLE",
            tiff(tags={tiff_bytes.STRIP_OFFSETS: Tag("I", [16, 16], count=2**32 - 1)})),
    Hostile("no list of blocks", "RASTER_UNREADABLE",
            tiff(tags={tiff_bytes.STRIP_OFFSETS: Tag("s", b"abcd")})),
    Hostile("block behind the end", "RASTER_UNREADABLE", tiff(offsets=[2**31])),
    Hostile("block behind the end, by overflow", "RASTER_UNREADABLE",
            tiff(is_big=True, offsets=[2**64 - 100], counts=[200])),
    Hostile("block longer than the file", "RASTER_UNREADABLE", tiff(counts=[2**32 - 1])),
    Hostile("4 billion pixels a side", "RASTER_UNREADABLE", tiff(width=2**32 - 1, height=2**32 - 1)),
    Hostile("65,535 bands", "BAND_LIMIT", tiff(tags={tiff_bytes.SAMPLES: Tag("H", [65_535])})),
    Hostile("no such compression", "RASTER_UNREADABLE",
            tiff(tags={tiff_bytes.COMPRESSION: Tag("H", [59_999])})),
    Hostile("bits that no type has", "RASTER_UNREADABLE", tiff(tags={tiff_bytes.BITS: Tag("H", [77])})),
    # cut off, and damaged
    Hostile("cut off, tiled", "RASTER_UNREADABLE",
            made(rasters.truncated, tiled=True, blockxsize=64, blockysize=64)),
    Hostile("cut off, strips", "RASTER_UNREADABLE", made(rasters.truncated, compress="DEFLATE")),
    Hostile("cut off, BigTIFF", "RASTER_UNREADABLE", made(rasters.truncated, BIGTIFF="YES")),
    Hostile("cut off in the directory", "RASTER_UNREADABLE", patched(tiff(), lambda data: data[:-30])),
    *(Hostile(f"damaged {name}", "RASTER_UNREADABLE", corrupt_blocks(name))
      for name in ("DEFLATE", "LZW", "ZSTD", "LERC")),
    # bombs
    Hostile("200,000 x 200,000 of nothing", "SOURCE_TOO_LARGE", made(rasters.sparse_giant)),
    Hostile("one tile many times", "SOURCE_TOO_LARGE",
            tiles(256, 256, width=65_536, height=65_536, offsets=[16] * 65_536, counts=[65_536] * 65_536)),
    Hostile("one tile of a gigabyte", "SOURCE_TOO_LARGE",
            tiles(32_768, 32_768, width=32_768, height=32_768, compression=8)),
    Hostile("65 bands", "BAND_LIMIT", made(rasters.write_geotiff, bands=65, width=16, height=16)),
    # no place on earth
    Hostile("no georeference", "NO_GEOREFERENCE", made(rasters.write_geotiff, crs=None, transform=None)),
    Hostile("not a number as a place", "NO_GEOREFERENCE",
            tiff(tags={tiff_bytes.PIXEL_SCALE: Tag("d", [float("nan"), float("nan"), 0])})),
    Hostile("metres called degrees", "COORDINATES_OUT_OF_RANGE",
            made(rasters.write_geotiff, crs="EPSG:4326")),
    Hostile("infinitely far", "COORDINATES_OUT_OF_RANGE",
            tiff(tags={tiff_bytes.TIE_POINTS: Tag("d", [0, 0, 0, 1e300, 1e300, 0])})),
    Hostile("control points in one place", "NO_GEOREFERENCE", on_a_line(0)),
    Hostile("control points that are no numbers", "NO_GEOREFERENCE", on_a_line(float("nan"))),
    Hostile("control points around the globe", "NO_GEOREFERENCE", placed(crs="EPSG:4326", gcps=ASTRAY)),
    Hostile("RPCs of zeros", "NO_GEOREFERENCE",
            placed(crs=None, rpcs=rasters.simple_rpcs(line_num_coeff=NO_TERMS, samp_num_coeff=NO_TERMS))),
    Hostile("RPCs off the globe", "COORDINATES_OUT_OF_RANGE",
            placed(crs=None, rpcs=rasters.simple_rpcs(lat_off=5000.0, long_off=9e9))),
    # pixels that cannot be
    Hostile("complex", "DTYPE_UNSUPPORTED", made(rasters.write_geotiff, dtype="complex64")),
    Hostile("64-bit integers beyond all types", "DTYPE_UNSUPPORTED",
            made(rasters.write_geotiff, dtype="int64", data=np.full((1, 48, 64), 2**62 + 1, dtype="int64"))),
    Hostile("nothing but nodata", "RASTER_EMPTY",
            made(rasters.write_geotiff, data=np.full((1, 48, 64), 7, dtype="uint8"), nodata=7)),
    # JPEG 2000
    Hostile("JPEG 2000 cut off", "RASTER_UNREADABLE", patched(jp2, lambda data: data[:-2_000]), "a.jp2"),
    Hostile("JPEG 2000, damaged", "RASTER_UNREADABLE", patched(jp2, noise), "a.jp2"),
    Hostile("JPEG 2000 without an image", "RASTER_UNREADABLE", patched(jp2, lambda data: data[:32]), "a.jp2"),
    Hostile("JPEG 2000 with a box of no length", "RASTER_UNREADABLE",
            content(b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x02abcd" * 9), "a.jp2"),
    Hostile("JPEG 2000 bomb", "SOURCE_TOO_LARGE", patched(jp2, huge_size), "a.jp2"),
    Hostile("bare codestream", "RASTER_UNREADABLE", content(b"\xff\x4f\xff\x51" + bytes(90)), "a.j2k"),
    # archives
    Hostile("zip that is none", "ARCHIVE_UNSAFE", content(b"PK\x03\x04" + bytes(60)), "a.zip"),
    Hostile("zip without a raster", "UNSUPPORTED_FORMAT", zipped({"readme.txt": "x"}), "a.zip"),
    Hostile("two rasters", "AMBIGUOUS_RASTER", zipped({"a.tif": tiff(), "b.tif": tiff()}), "a.zip"),
    Hostile("raster that leaves the folder", "ARCHIVE_UNSAFE", zipped({"../a.tif": tiff()}), "a.zip"),
    Hostile("program in the zip", "ARCHIVE_UNSAFE", zipped({"a.tif": tiff(), "a.exe": "MZ"}), "a.zip"),
    Hostile("zip in the zip", "ARCHIVE_UNSAFE", zipped({"a.tif": tiff(), "b.zip": "PK"}), "a.zip"),
    Hostile("zip in the zip, by another name", "CONTENT_MISMATCH",
            zipped({"a.tif": zipped({"b.tif": tiff()})}), "a.zip"),
    Hostile("zip bomb", "ARCHIVE_UNSAFE", zipped({"a.tif": bytes(40_000_000)}), "a.zip"),
    Hostile("virtual raster in the zip", "CONTENT_MISMATCH",
            zipped({"a.tif": "<VRTDataset rasterXSize='1' rasterYSize='1'/>"}), "a.zip"),
    Hostile("picture without a world file", "NO_GEOREFERENCE", zipped({"a.png": png, "a.prj": WKT}), "a.zip"),
    Hostile("picture without a CRS", "CRS_MISSING", zipped({"a.png": png, "a.pgw": WORLD}), "a.zip"),
    Hostile("world file of words", "NO_GEOREFERENCE",
            beside({"a.png": png}, **{"a.wld": "ten\n0\n0\n"}), "a.zip"),
    Hostile("world file of zeros", "NO_GEOREFERENCE", beside({"a.png": png}, **{"a.wld": "0 " * 6}), "a.zip"),
    Hostile("no CRS in the .prj", "CRS_UNKNOWN",
            beside({"a.png": png}, **{"a.prj": "/vsicurl/http://127.0.0.1:9/a.prj"}), "a.zip"),
    Hostile(".prj that names a file", "CRS_UNKNOWN", beside({"a.png": png}, **{"a.prj": GRIDDED}), "a.zip"),
    Hostile(".prj that is too long", "ARCHIVE_UNSAFE",
            beside({"a.png": png}, **{"a.prj": "x" * 2**17}), "a.zip"),
    Hostile("PNG bomb", "SOURCE_TOO_LARGE", beside({"a.png": png_of(60_000, 60_000)}), "a.zip"),
    Hostile("PNG bomb of some weight", "SOURCE_TOO_LARGE",
            beside({"a.png": png_of(50_000, 50_000, padding=2_000_000)}), "a.zip"),
    Hostile("PNG cut off", "RASTER_UNREADABLE", beside({"a.png": png_of(64, 64)}), "a.zip"),
    Hostile("JPEG cut off", "RASTER_UNREADABLE",
            beside({"a.jpg": patched(jpeg, lambda data: data[:-3_000])}), "a.zip"),
]  # fmt: skip
