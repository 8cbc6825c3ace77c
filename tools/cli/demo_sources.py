"""The demo's data: real, free, and small enough to come with npm packages.

Countries: Natural Earth, 1:50 million, public domain, as TopoJSON in npm's `world-atlas` (ISC licence).
Blue Marble: NASA Earth Observatory's picture of the whole Earth, free of copyright, as a JPEG in npm's
`three-globe` (MIT licence). It is in the equirectangular projection, which its file does not say:
longitude and latitude from edge to edge, so its corners are all that GeoTIFF needs to know.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import antimeridian
import pyogrio
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_bounds

from tools.stack.errors import MissingProgram

_COUNTRIES = Path("node_modules/world-atlas/countries-50m.json")
_BLUE_MARBLE = Path("node_modules/three-globe/example/img/earth-blue-marble.jpg")


@dataclass(frozen=True, slots=True)
class KnownPixel:
    """A place, and the values of the bands there."""

    lon: float
    lat: float
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DemoSources:
    """Two files ready to be submitted, and what must be found in what is published."""

    countries: Path
    country_count: int
    blue_marble: Path
    known_pixel: KnownPixel


def make_sources(root: Path, directory: Path) -> DemoSources:
    """Make both files in `directory`, unless they are there."""
    directory.mkdir(parents=True, exist_ok=True)
    countries = _made(directory / "natural-earth-countries.gpkg", root / _COUNTRIES, make_countries)
    blue_marble = _made(directory / "blue-marble.tif", root / _BLUE_MARBLE, make_blue_marble)
    count = pyogrio.read_info(countries)["features"]
    pixel = _pixel(blue_marble, lon=15.0, lat=23.0)  # in the Sahara, far from any edge of a tile
    return DemoSources(countries=countries, country_count=count, blue_marble=blue_marble, known_pixel=pixel)


def make_countries(source: Path, target: Path) -> None:
    """TopoJSON to GeoPackage; TopoJSON holds no CRS, Natural Earth is in longitude and latitude (WGS 84)."""
    countries = pyogrio.read_dataframe(source, layer="countries").set_crs("EPSG:4326")
    countries.geometry = countries.geometry.map(cut_at_antimeridian)
    countries = countries.rename(columns={"id": "iso_numeric"})
    pyogrio.write_dataframe(countries, target, layer="countries", driver="GPKG")


def cut_at_antimeridian(shape: shapely.Geometry) -> shapely.Geometry:
    """Polygons whose rings go on from 180 to -180 degrees, as parts that end there; others as they are.

    TopoJSON's rings lie on the globe: those of Russia and Fiji go around its back, that of Antarctica around
    the pole. Taken as plane coordinates they draw bars across the whole map.
    """
    return shapely.geometry.shape(antimeridian.fix_shape(shape.__geo_interface__, fix_winding=True))


def make_blue_marble(source: Path, target: Path) -> None:
    """JPEG to GeoTIFF with the georeference of the whole Earth."""
    with without_georeference(), rasterio.open(source) as picture:
        profile = {
            "driver": "GTiff",
            "count": picture.count,
            "dtype": picture.dtypes[0],
            "width": picture.width,
            "height": picture.height,
            "crs": "EPSG:4326",
            "transform": from_bounds(-180, -90, 180, 90, picture.width, picture.height),
            "compress": "deflate",
            "photometric": "RGB",
        }
        with rasterio.open(target, "w", **profile) as image:
            image.write(picture.read())


@contextmanager
def without_georeference() -> Iterator[None]:
    """For pictures, which have none: rasterio warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _pixel(path: Path, *, lon: float, lat: float) -> KnownPixel:
    with rasterio.open(path) as image:
        values = next(image.sample([(lon, lat)]))
    return KnownPixel(lon=lon, lat=lat, values=tuple(int(value) for value in values))


def _made(target: Path, source: Path, make: Callable[[Path, Path], None]) -> Path:
    if not source.exists():
        raise MissingProgram(f"the demo's data ({source.name})")
    if not target.exists():
        new = target.with_name(f"new-{target.name}")
        new.unlink(missing_ok=True)
        make(source, new)
        new.replace(target)
    return target
