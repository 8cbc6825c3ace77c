"""Raster tasks: a GeoTIFF is admitted, inspected, converted to a COG, and compared with its source."""
