"""Vector files: admission, inspection, and loading into PostGIS.

A file passes three doors, each closed to what the next one must not see: `admission` (bytes and archives,
before GDAL), `ogr` (three drivers, no network, no message lost), `geometry` (coordinates).
"""
