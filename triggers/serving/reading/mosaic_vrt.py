"""Some parts of a regular mosaic as one raster of the whole grid, in GDAL's XML.

What lies between two parts is then resampled over their border like any other place, and tiles are those of
a single COG of the same pixels. The overviews are those of the parts. Our own parts are the only files named,
and what is written here is the only XML that is opened.

Reference: https://gdal.org/en/release-3.10/drivers/raster/vrt.html
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from triggers.serving.reading.mosaic import Grid, Mosaic, Part

_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}
_COLORS = {"red", "green", "blue", "alpha", "gray"}
_SMALLEST_OVERVIEW = 256  # pixels; smaller ones are answered from the overview COG


def vrt_of(mosaic: Mosaic, parts: Sequence[Part]) -> str:
    """The XML. Where no part lies, there are no data."""
    grid = mosaic.grid
    layers = [_Layer(mosaic, parts, band) for band in range(1, len(grid.dtypes) + 1)]
    return "".join(
        [
            f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">',
            f"<SRS>{escape(grid.crs)}</SRS>",
            f"<GeoTransform>{','.join(map(repr, map(float, grid.transform.to_gdal())))}</GeoTransform>",
            f'<OverviewList resampling="{"average" if mosaic.is_smooth else "nearest"}">',
            f"{' '.join(map(str, overview_factors(grid)))}</OverviewList>",
            *(layer.band_xml() for layer in layers),
            layers[0].mask_xml() if grid.nodata is None and not grid.has_alpha else "",
            "</VRTDataset>",
        ]
    )


def overview_factors(grid: Grid) -> list[int]:
    """2, 4, 8, ... as far as the whole would have overviews."""
    factors, factor = [], 2
    while max(grid.width, grid.height) / factor >= _SMALLEST_OVERVIEW / 2 and factor <= 2**20:
        factors.append(factor)
        factor *= 2
    return factors


class _Layer:
    """A band of the whole, or its mask."""

    def __init__(self, mosaic: Mosaic, parts: Sequence[Part], band: int) -> None:
        self._grid = mosaic.grid
        self._type = _TYPES[mosaic.grid.dtypes[band - 1]]
        self._band = band
        # GDAL lays later sources over earlier ones.
        self._placed = [(part, *mosaic.offset(part)) for part in reversed(parts)]
        self._is_overlaid = _overlap(self._placed)

    def band_xml(self) -> str:
        """The band."""
        color = self._grid.colors[self._band - 1] if self._grid.colors else ""
        description = self._grid.descriptions[self._band - 1] if self._grid.descriptions else None
        nodata = self._grid.nodata
        return "".join(
            [
                f'<VRTRasterBand dataType="{self._type}" band="{self._band}">',
                f"<Description>{escape(description)}</Description>" if description else "",
                f"<NoDataValue>{nodata}</NoDataValue>" if nodata is not None else "",
                f"<ColorInterp>{color.capitalize()}</ColorInterp>" if color in _COLORS else "",
                *self._sources(str(self._band), transparency=self._transparency(color)),
                "</VRTRasterBand>",
            ]
        )

    def mask_xml(self) -> str:
        """The mask of all bands: what it says of a part, and nothing where there is none."""
        sources = self._sources("mask,1", transparency="<NODATA>0</NODATA>")
        return f'<MaskBand><VRTRasterBand dataType="Byte">{"".join(sources)}</VRTRasterBand></MaskBand>'

    def _transparency(self, color: str) -> str:
        """What shows the part below, where one lies over another."""
        if color == "alpha":
            return "<NODATA>0</NODATA>"
        if self._grid.nodata is not None:
            return f"<NODATA>{self._grid.nodata}</NODATA>"
        return "<UseMaskBand>true</UseMaskBand>"

    def _sources(self, band: str, *, transparency: str) -> Iterator[str]:
        kind, option = ("ComplexSource", transparency) if self._is_overlaid else ("SimpleSource", "")
        for part, column, row in self._placed:
            size = f'xSize="{part.width}" ySize="{part.height}"'
            yield (
                # Shared sources would be shared with other threads' rasters.
                f'<{kind}><SourceFilename relativeToVRT="0" shared="0">{escape(part.path)}</SourceFilename>'
                f"<SourceBand>{band}</SourceBand>"
                # With these, a part is opened when it is read, and not before.
                f'<SourceProperties RasterXSize="{part.width}" RasterYSize="{part.height}"'
                f' DataType="{"Byte" if band.startswith("mask") else self._type}"'
                ' BlockXSize="512" BlockYSize="512"/>'
                f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{column}" yOff="{row}" {size}/>'
                f"{option}</{kind}>"
            )


def _overlap(placed: Sequence[tuple[Part, int, int]]) -> bool:
    for index, (part, column, row) in enumerate(placed):
        for other, left, top in placed[:index]:
            beside = column >= left + other.width or left >= column + part.width
            if not (beside or row >= top + other.height or top >= row + part.height):
                return True
    return False
