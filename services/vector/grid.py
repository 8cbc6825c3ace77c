"""A grid of 64 x 64 cells over the extent of a table, and which of them are touched."""

import functools
from dataclasses import dataclass

import numpy as np

from core.task_models.vector import BoundingBox, CleaningOptions, TablePlan
from services.vector.crs import Reprojection, planned_reprojection
from services.vector.crs_areas import TURN

SIZE = 64
_MARGIN = 0.01  # of the size: bounds are transformed by samples of their edges
_LEAST_MARGIN = {True: 1e-6, False: 0.1}  # of degrees and of map units, about 10 centimetres
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_ANYWHERE = (-2e7, -2e7, 2e7, 2e7)  # metres; of a CRS that says nothing of where it is for


@dataclass(slots=True)
class Grid:
    """Cells over an extent; `mask[row, column]` (bool), from south to north and from west to east."""

    extent: BoundingBox
    mask: np.ndarray

    @classmethod
    def over(cls, extent: BoundingBox) -> "Grid":
        """Nothing touched yet."""
        return cls(extent, np.zeros((SIZE, SIZE), dtype=bool))

    @classmethod
    def read(cls, cells: str, extent: BoundingBox) -> "Grid":
        """What `written` wrote."""
        if not cells:
            return cls.over(extent)
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(cells), dtype=np.uint8))
        return cls(extent, bits.astype(bool).reshape(SIZE, SIZE))

    def written(self) -> str:
        """The cells as hexadecimal digits; nothing for none."""
        return np.packbits(self.mask).tobytes().hex() if self.mask.any() else ""

    def columns_of(self, x: np.ndarray) -> np.ndarray:
        """The column of each x; what lies beyond belongs to the outermost."""
        return _steps(x, self.extent[0], self.extent[2])

    def rows_of(self, y: np.ndarray) -> np.ndarray:
        """The row of each y."""
        return _steps(y, self.extent[1], self.extent[3])

    def touch(self, columns: np.ndarray, rows: np.ndarray) -> None:
        """Single cells."""
        flat = np.bincount(rows * SIZE + columns, minlength=SIZE * SIZE)
        self.mask |= flat.reshape(SIZE, SIZE) > 0

    def touch_ranges(
        self, columns: tuple[np.ndarray, np.ndarray], rows: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """All cells from the first columns and rows to the last ones, these included."""
        change = np.zeros((SIZE + 1, SIZE + 1), dtype=np.int64)
        (west, east), (south, north) = columns, rows
        np.add.at(change, (south, west), 1)
        np.add.at(change, (north + 1, west), -1)
        np.add.at(change, (south, east + 1), -1)
        np.add.at(change, (north + 1, east + 1), 1)
        self.mask |= change.cumsum(axis=0).cumsum(axis=1)[:SIZE, :SIZE] > 0

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the centre of every cell, each of shape (64, 64)."""
        west, south, east, north = self.extent
        middle = (np.arange(SIZE) + 0.5) / SIZE
        x, y = np.meshgrid(west + middle * (east - west), south + middle * (north - south))
        return x, y


def extent_of(plan: TablePlan, options: CleaningOptions) -> BoundingBox:
    """What the grid of a table lies over, in its CRS.

    Degrees may go on beyond 180; beyond a turn only where they are kept as they are.
    """
    return _extent(planned_reprojection(plan), plan.source_bbox, options.antimeridian == "keep")


@functools.lru_cache(maxsize=8)
def _extent(way: Reprojection, bbox: BoundingBox | None, are_kept: bool) -> BoundingBox:
    bounds = way.bounds(bbox) if bbox is not None and np.isfinite(bbox).all() else None
    if bounds is None:
        return _WORLD if way.target_turn else (way.area or _ANYWHERE)
    west, south, east, north = bounds
    margin = max(_LEAST_MARGIN[way.is_geographic], _MARGIN * max(east - west, north - south))
    west, south, east, north = west - margin, south - margin, east + margin, north + margin
    if way.target_turn != TURN:
        return west, south, east, north
    south, north = max(south, -90.0), min(north, 90.0)
    if south >= north:
        return _WORLD
    if are_kept and way.transformer is None and (bounds[0] < -TURN / 2 or bounds[2] > TURN / 2):
        return west, south, east, north
    if east - west >= TURN:
        return _WORLD
    turns = np.floor((west + TURN / 2) / TURN) * TURN
    return float(west - turns), south, float(east - turns), north


def _steps(values: np.ndarray, low: float, high: float) -> np.ndarray:
    steps = (values - low) * (SIZE / (high - low))
    return np.clip(steps, 0, SIZE - 1).astype(np.int64)
