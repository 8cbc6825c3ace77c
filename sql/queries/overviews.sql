-- The overview of a table with very many features, for vector tiles of low zooms: for each zoom those that are
-- seen best, one of each cell of a grid and all that are larger than a cell. Places are told as shares of the
-- width of the world, so that a tile of zoom z is 1 / 2^z. Braces are identifiers and numbers, put in by
-- infrastructure/repositories/overviews.py.

-- name: prepare
SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL client_connection_check_interval = '2s'

-- name: drop
DROP TABLE IF EXISTS staging.{overview}

-- name: sample
CREATE TEMPORARY TABLE sampled ON COMMIT DROP AS
SELECT floor(x * {tiles})::integer AS cell_x, floor(y * {tiles})::integer AS cell_y, count(*) AS number
FROM (
    SELECT (ST_XMin(box) + ST_XMax(box)) / 2 / {width} AS x, (ST_YMin(box) + ST_YMax(box)) / 2 / {height} AS y
    FROM (
        SELECT Box3D(geom) AS box FROM staging.{table} TABLESAMPLE BERNOULLI ({percent}) REPEATABLE (0) OFFSET 0
    ) boxes
) placed WHERE x IS NOT NULL GROUP BY 1, 2

-- name: tiles
-- At the zoom that is `coarser` than the one of the sample, within the sample: the features of the fullest tile,
-- and the share of all that would be chosen if each tile had at most `most_chosen`.
SELECT coalesce(max(number), 0)::float AS most,
       coalesce(sum(least(number, %(most_chosen)s)) / sum(number), 0)::float AS chosen_share
FROM (SELECT sum(number) AS number FROM sampled GROUP BY cell_x >> %(coarser)s, cell_y >> %(coarser)s) tiles

-- name: create
-- `size` is the longer side of the feature's box, and `place` that box, or the point. Of equal ones a hash draws,
-- always in the same way; it must be another than the one by
-- which a full tile leaves features out, or the fullest cells would be left out first. Halves of the id, since an
-- array has elements of one type, and not all ids are whole numbers of a float.
CREATE TABLE staging.{overview} WITH (autovacuum_enabled = off) AS
WITH placed AS (
    SELECT fid, west, south, east, north,
           floor((west + east) / 2 / {width} * {cells})::integer AS cell_x,
           floor((south + north) / 2 / {height} * {cells})::integer AS cell_y,
           greatest((east - west) / {width}, (north - south) / {height}) AS size
    FROM (
        SELECT fid, ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
        FROM (SELECT fid, Box3D(geom) AS box FROM staging.{table} OFFSET 0) boxes OFFSET 0
    ) sides WHERE west IS NOT NULL OFFSET 0
), seen AS (
    SELECT fid, cell_x, cell_y, size, west, south, east, north FROM placed WHERE size * {cells} >= 1
    UNION ALL
    SELECT (best[3]::bigint << 32) | best[4]::bigint, cell_x, cell_y, best[1], best[5], best[6], best[7], best[8]
    FROM (
        SELECT cell_x, cell_y, max(ARRAY[size, hashint8extended(fid, 1), fid >> 32, fid & 4294967295,
                                         west, south, east, north]) AS best
        FROM placed WHERE size * {cells} < 1 GROUP BY cell_x, cell_y
    ) cells
)
SELECT {zoom}::smallint AS zoom, fid, cell_x, cell_y, size,
       ST_SetSRID(CASE WHEN west = east AND south = north THEN ST_MakePoint(west, south)
                       ELSE ST_MakeEnvelope(west, south, east, north) END, {srid}) AS place
FROM seen

-- name: add_coarser
-- What is seen best in a cell is among what is seen best in the cells of the zoom above that it holds.
INSERT INTO staging.{overview} (zoom, fid, cell_x, cell_y, size, place)
SELECT {zoom}, fid, cell_x >> 1, cell_y >> 1, size, place
FROM staging.{overview} WHERE zoom = {zoom} + 1 AND size * {cells} >= 1
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (cell_x >> 1, cell_y >> 1) {zoom}, fid, cell_x >> 1, cell_y >> 1, size, place
    FROM staging.{overview} WHERE zoom = {zoom} + 1 AND size * {cells} < 1
    ORDER BY cell_x >> 1, cell_y >> 1, size DESC, hashint8extended(fid, 1) DESC, fid DESC
) best

-- name: index
CREATE INDEX ON staging.{overview} USING gist (place) WHERE zoom = {zoom}

-- name: analyse
ANALYZE staging.{overview}

-- name: let_vacuum
ALTER TABLE staging.{overview} RESET (autovacuum_enabled)
