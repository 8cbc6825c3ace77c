-- Vector tiles of whole tables, for archives. Braces are put in by infrastructure/repositories/vector_tiling.py.

-- name: end_with_client
SET client_connection_check_interval = '2s'

-- name: prepare
-- The table in Web Mercator, without heights, cut where Web Mercator ends. "the extent" is the longer side of a
-- geometry, "the lot" draws lots between equal ones, always in the same way.
CREATE TEMPORARY TABLE {source} AS
SELECT *, greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) AS "the extent",
       hashint8(fid) AS "the lot"
FROM (
    SELECT fid, {columns}
           ST_Transform(ST_ClipByBox2D(ST_Force2D(ST_Transform(geom, 4326)),
               ST_MakeEnvelope(-180, -85.0511287798066, 180, 85.0511287798066, 4326)), 3857) AS geom
    FROM {table} WHERE NOT ST_IsEmpty(geom)
) placed WHERE NOT ST_IsEmpty(geom)

-- name: index
CREATE INDEX ON {source} USING gist (geom)

-- name: analyse
ANALYZE {source}

-- name: forget
DROP TABLE IF EXISTS {source}

-- name: measure
-- `spacing` is the mean distance of neighbouring vertices of a sample (metres), NULL of points alone.
SELECT count(*) AS feature_count, ST_XMin(ST_Extent(geom)) AS west, ST_YMin(ST_Extent(geom)) AS south,
       ST_XMax(ST_Extent(geom)) AS east, ST_YMax(ST_Extent(geom)) AS north,
       avg((CASE ST_Dimension(geom) WHEN 2 THEN ST_Perimeter(geom) ELSE ST_Length(geom) END) / ST_NPoints(geom))
           FILTER (WHERE ST_Dimension(geom) > 0 AND (fid <= 1000 OR mod("the lot", 100) = 0)) AS spacing
FROM {source}

-- name: tiles
-- The tiles of one zoom that are asked for: at most `most` features each, the largest first. What is smaller than
-- a pixel becomes a pixel, so that it does not vanish. Where nothing
-- is to be seen of those that are near, `feature_count` is 0; where none are near, `chosen_count` is, too.
SELECT asked.x, asked.y, made.tile, made.feature_count, made.chosen_count
FROM unnest(%(xs)s::integer[], %(ys)s::integer[]) AS asked (x, y)
CROSS JOIN LATERAL (SELECT ST_TileEnvelope(%(z)s, asked.x, asked.y) AS bounds) place
CROSS JOIN LATERAL (
    SELECT ST_AsMVT("tile row", %(layer)s, 4096, 'geom', 'fid') FILTER (WHERE geom IS NOT NULL) AS tile,
           count(geom) AS feature_count, count(*) AS chosen_count
    FROM (
        SELECT fid, {names}
               ST_AsMVTGeom(
                   CASE WHEN "the extent" >= %(pixel)s OR ST_Dimension(geom) = 0 THEN geom
                        WHEN ST_Dimension(geom) = 2
                        THEN ST_Expand(ST_Centroid(ST_Envelope(geom)), %(pixel)s / 2)
                        ELSE ST_MakeLine(
                            ST_Translate(ST_Centroid(ST_Envelope(geom)), -%(pixel)s / 2, 0),
                            ST_Translate(ST_Centroid(ST_Envelope(geom)), %(pixel)s / 2, 0)) END,
                   place.bounds, 4096, 64) AS geom
        FROM (
            SELECT * FROM {source} WHERE geom && ST_Expand(place.bounds, %(pixel)s * 4)
            ORDER BY "the extent" DESC, "the lot", fid LIMIT %(most)s
        ) chosen
    ) "tile row"
) made
