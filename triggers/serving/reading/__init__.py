"""How published rasters are read: COGs by rio-tiler, mosaics as one raster. What knows rasterio is here."""
