"""GDAL's own Python bindings, for what only they can do: shading and contours.

They bring another GDAL than rasterio (the system's): arrays go from one to the other, and never datasets,
handles, or names of files in memory. They are imported on first use, as nothing else needs them.
"""

import importlib
from typing import Any

from core.errors import PermanentTaskError


def bindings(name: str) -> Any:
    """The module `osgeo.<name>`, which raises exceptions for GDAL's errors.

    Raises:
        PermanentTaskError: GDAL_BINDINGS_MISSING.
    """
    try:
        module = importlib.import_module(f"osgeo.{name}")
        importlib.import_module("osgeo.gdal_array")  # missing where they were built without numpy
    except ImportError as exc:
        raise PermanentTaskError(
            "This worker has no GDAL bindings for Python, which terrain products need.",
            code="GDAL_BINDINGS_MISSING",
            remedy="Build osgeo against the system's libgdal on the raster workers (./dev setup does).",
        ) from exc
    if hasattr(module, "UseExceptions"):
        module.UseExceptions()
    return module
