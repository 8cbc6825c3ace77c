"""Raster tasks.

A file passes `formats` (its first bytes), `structure` (is it whole?), `admission` (what its header says) and
`placement` (where it lies), and is read through a `view`, which shows its pixels and what we name of its
header, and nothing else. What is made of it: a COG, or a mosaic of them, tile caches, terrain products.
"""
