"""Checksums of pixels, by which a COG is compared with what it was made from.

One SHA-256 for each band over its pixels in row order, little-endian, and one for the mask, one byte a
pixel: `hashlib.sha256(dataset.read(1).tobytes())` gives the same, for whoever wants to know for himself.
"""

import hashlib

import numpy as np

ALGORITHM = "sha256"


class PixelChecksums:
    """The same however the rows are cut into parts. Hashing lets go of the interpreter lock."""

    def __init__(self, bands: int, *, has_mask: bool) -> None:
        self._digests = [hashlib.sha256() for _ in range(bands + has_mask)]

    def add(self, pixels: np.ndarray, mask: np.ndarray | None) -> None:
        """Take in the next rows, of all bands (bands, rows, columns) and of the mask (rows, columns)."""
        parts = [*pixels, mask] if mask is not None else [*pixels]
        for digest, part in zip(self._digests, parts, strict=True):
            digest.update(np.ascontiguousarray(part).data)

    def hex(self) -> tuple[str, ...]:
        """One digest for each band, then the mask's if there is one."""
        return tuple(digest.hexdigest() for digest in self._digests)
