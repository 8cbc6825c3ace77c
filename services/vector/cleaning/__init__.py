"""Cleaning of vector data, chunk by chunk. Only child processes import it."""

from services.vector.cleaning.chunk import CleanedChunk, clean

__all__ = ["CleanedChunk", "clean"]
