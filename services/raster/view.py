"""A GDAL virtual raster of ours over a file of a stranger: it shows what we name and hides all else.

Hidden are overviews (a file can name another file as its own), metadata domains, subdatasets and sidecars.
Shown are the pixels, through GDAL's pass-through for a single whole source, which costs nothing measurable,
and the header as it was resolved: the CRS assigned, nodata put right, types narrowed.
Source: GDAL's VRT driver, "VRT format".
"""

import math
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from rasterio.enums import ColorInterp

from services.raster.georeference import crs_name
from services.raster.header import BandHeader, Header
from services.raster.placement import Placement, Warp

_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}
_COLORS = {
    ColorInterp.undefined: "Undefined",
    ColorInterp.gray: "Gray",
    ColorInterp.palette: "Palette",
    ColorInterp.red: "Red",
    ColorInterp.green: "Green",
    ColorInterp.blue: "Blue",
    ColorInterp.alpha: "Alpha",
}
_MAX_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class View:
    """How a file is shown: `nodata` is the same for all bands, as GeoTIFF has it.

    `threads` decode a GeoTIFF; None for other drivers, which take no such option.
    """

    gdal_name: str
    threads: str | None
    header: Header
    placement: Placement
    dtype: str
    nodata: float | None


def view_xml(view: View) -> str:
    """The VRT, to be opened by the VRT driver in place of a file name."""
    header = view.header
    root = ET.Element("VRTDataset", rasterXSize=str(header.width), rasterYSize=str(header.height))
    _add_georeference(root, view)
    _add_metadata(root, header.tags)
    _add_metadata(
        root,
        {"INTERLEAVE": "PIXEL" if header.is_pixel_interleaved else "BAND"},
        domain="IMAGE_STRUCTURE",
    )
    for number, band in enumerate(header.bands, start=1):
        _add_band(root, number, band=band, view=view)
    if header.has_mask:
        mask = ET.SubElement(ET.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        _add_source(mask, "mask,1", view)
    return ET.tostring(root, encoding="unicode")


def _add_georeference(root: ET.Element, view: View) -> None:
    crs = crs_name(view.placement.crs)
    if view.placement.transform is not None:
        ET.SubElement(root, "SRS").text = crs
        a, b, c, d, e, f = view.placement.transform[:6]
        ET.SubElement(root, "GeoTransform").text = ",".join(repr(float(x)) for x in (c, a, b, f, d, e))
    elif view.placement.warp is Warp.GCPS:
        _add_gcps(root, view.header, crs)
    elif view.header.rpcs is not None:
        _add_metadata(root, view.header.rpcs.to_gdal(), domain="RPC")


def _add_gcps(root: ET.Element, header: Header, crs: str) -> None:
    points = ET.SubElement(root, "GCPList", Projection=crs)
    for number, point in enumerate(header.gcps, start=1):
        place = {"Pixel": point.col, "Line": point.row, "X": point.x, "Y": point.y, "Z": point.z or 0.0}
        attributes = {name: repr(float(value)) for name, value in place.items()}
        ET.SubElement(points, "GCP", {"Id": str(number), **attributes})


def _add_metadata(root: ET.Element, items: dict[str, str], domain: str | None = None) -> None:
    element = ET.SubElement(root, "Metadata", {"domain": domain} if domain else {})
    for key, value in items.items():
        ET.SubElement(element, "MDI", key=key).text = value


def _add_band(root: ET.Element, number: int, *, band: BandHeader, view: View) -> None:
    rows, columns = (min(side, _MAX_BLOCK) for side in band.block_shape)
    element = ET.SubElement(
        root,
        "VRTRasterBand",
        dataType=_TYPES[view.dtype],
        band=str(number),
        blockXSize=str(columns),
        blockYSize=str(rows),
    )
    _add_labels(element, band)
    if view.nodata is not None:
        ET.SubElement(element, "NoDataValue").text = _number(view.nodata)
    if band.palette:
        _add_palette(element, band.palette)
    _add_source(element, str(number), view)


def _add_labels(element: ET.Element, band: BandHeader) -> None:
    ET.SubElement(element, "ColorInterp").text = _COLORS.get(band.color, "Undefined")
    if band.name:
        ET.SubElement(element, "Description").text = band.name
    if band.unit:
        ET.SubElement(element, "UnitType").text = band.unit
    if band.scale != 1:
        ET.SubElement(element, "Scale").text = repr(band.scale)
    if band.offset != 0:
        ET.SubElement(element, "Offset").text = repr(band.offset)


def _add_palette(element: ET.Element, palette: dict[int, tuple[int, int, int, int]]) -> None:
    table = ET.SubElement(element, "ColorTable")
    for _, color in sorted(palette.items()):
        ET.SubElement(table, "Entry", {f"c{n}": str(part) for n, part in enumerate(color, start=1)})


def _add_source(element: ET.Element, band: str, view: View) -> None:
    header = view.header
    source = ET.SubElement(element, "SimpleSource")
    ET.SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = view.gdal_name
    options = ET.SubElement(source, "OpenOptions")
    ET.SubElement(options, "OOI", key="OVERVIEW_LEVEL").text = "NONE"
    if view.threads is not None:
        ET.SubElement(options, "OOI", key="NUM_THREADS").text = view.threads
    ET.SubElement(source, "SourceBand").text = band
    whole = {"xOff": "0", "yOff": "0", "xSize": str(header.width), "ySize": str(header.height)}
    ET.SubElement(source, "SrcRect", whole)
    ET.SubElement(source, "DstRect", whole)


def _number(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
