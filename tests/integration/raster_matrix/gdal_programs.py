"""GDAL's own programs, of another version than the library under test: the independent witness."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {
    "Byte": "uint8",
    "UInt16": "uint16",
    "Int16": "int16",
    "UInt32": "uint32",
    "Int32": "int32",
    "Float32": "float32",
    "Float64": "float64",
}


def run(program: str, *arguments: object) -> str:
    """The output of a program. It sees nothing of this process's settings for GDAL and PROJ."""
    found = shutil.which(program)
    assert found, f"{program} is not installed; the tests need the package gdal-bin"
    done = subprocess.run(
        [found, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, f"{program} {arguments}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Seen:
    """What GDAL's programs see in a file."""

    path: Path

    @cached_property
    def info(self) -> dict[str, Any]:
        """`gdalinfo`, with statistics over all pixels."""
        found: dict[str, Any] = json.loads(run("gdalinfo", "-json", "-stats", self.path))
        return found

    @property
    def bands(self) -> list[dict[str, Any]]:
        """Its bands."""
        bands: list[dict[str, Any]] = self.info["bands"]
        return bands

    @property
    def wkt(self) -> str:
        """Its CRS, or that of its ground control points."""
        place = self.info if self.info.get("coordinateSystem") else self.info.get("gcps", {})
        return str(place.get("coordinateSystem", {}).get("wkt", ""))

    @property
    def dtype(self) -> str:
        """The type of the pixels. GDAL 3.6 has signed bytes as bytes with a remark."""
        structure = self.bands[0].get("metadata", {}).get("IMAGE_STRUCTURE", {})
        return "int8" if structure.get("PIXELTYPE") == "SIGNEDBYTE" else _TYPES[self.bands[0]["type"]]

    @cached_property
    def pixels(self) -> np.ndarray:
        """(bands, rows, columns)."""
        return self._raw("pixels", dtype=self.dtype, count=len(self.bands))

    @cached_property
    def mask(self) -> np.ndarray:
        """(1, rows, columns): which pixels of the first band count, 0 to 255."""
        return self._raw("mask", "-b", "mask", "-ot", "Byte", dtype="uint8", count=1)

    def statistics(self, band: int) -> dict[str, float]:
        """Minimum, maximum, mean, standard deviation and the share of valid pixels of a band (from 0)."""
        found = self.bands[band].get("metadata", {}).get("", {})
        return {
            name.removeprefix("STATISTICS_").lower(): float(value)
            for name, value in found.items()
            if name.startswith("STATISTICS_") and name != "STATISTICS_APPROXIMATE"
        }

    def _raw(self, name: str, *arguments: str, dtype: str, count: int) -> np.ndarray:
        target = self.path.with_name(f"{self.path.name}.{name}.raw")
        place = ("-a_ullr", 0, 1, 1, 0)  # ENVI's header takes no sheared grid
        run(
            "gdal_translate",
            "-q",
            "-of",
            "ENVI",
            "-co",
            "INTERLEAVE=BSQ",
            *place,
            *arguments,
            self.path,
            target,
        )
        columns, rows = self.info["size"]
        values = np.fromfile(target, dtype=dtype, count=count * rows * columns)
        return values.reshape(count, rows, columns)
