"""Vector files: admission, reading, cleaning, loading into PostGIS, and exports.

A file passes three doors, each closed to what the next one must not see: `admission` (bytes and archives,
before GDAL), `reading` (one driver or reader for each format, no network, nothing lost without a word), and
`cleaning` (coordinates and values).
"""
