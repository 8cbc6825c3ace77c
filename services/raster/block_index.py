"""What the index of a TIFF says of the blocks of a window, without a single pixel being decoded."""

from collections.abc import Iterator
from typing import Any

from rasterio.windows import Window


def has_stored_blocks(dataset: Any, window: Window) -> bool:
    """Whether any block that `window` meets is in the file, of any band. `dataset` is of the GTiff driver.

    A block that was never written (GDAL's sparse files) reads as nodata, or 0. Source: GDAL's GTiff driver,
    metadata domain TIFF (BLOCK_OFFSET_x_y).
    """
    is_pixel_interleaved = dataset.interleaving is not None and dataset.interleaving.name == "pixel"
    bands = dataset.indexes[:1] if is_pixel_interleaved else dataset.indexes
    return any(
        dataset.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=band) is not None
        for band in bands
        for place in _places(dataset.block_shapes[band - 1], window)
    )


def _places(block_shape: tuple[int, int], window: Window) -> Iterator[str]:
    """The blocks as the metadata name them: column_row."""
    height, width = block_shape
    for row in range(window.row_off // height, -(-(window.row_off + window.height) // height)):
        for column in range(window.col_off // width, -(-(window.col_off + window.width) // width)):
            yield f"{column}_{row}"
