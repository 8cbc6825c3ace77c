"""GDAL's block cache, bounded."""

import rasterio

BLOCK_CACHE_BYTES = 256 * 2**20


def bounded_block_cache() -> rasterio.Env:
    """By itself GDAL takes a share of the machine's memory, however large that is.

    The cache is one for the whole process: only for tasks that have one to themselves. rasterio takes the
    number in bytes, unlike GDAL's own option.
    """
    return rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES)
