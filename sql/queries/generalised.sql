-- The companion of a table with huge geometries, for vector tiles: each of them in Web Mercator, once for each
-- band of zooms, as simple as its last zoom allows and cut into pieces that an index can choose from. Braces are
-- identifiers and expressions, put in by infrastructure/repositories/generalised.py.

-- name: drop
DROP TABLE IF EXISTS staging.{companion}

-- name: create
-- `band` is the last zoom that a shape is for. The attributes stay in the table: pieces are joined to it by `fid`.
CREATE TABLE staging.{companion} (
    fid   bigint NOT NULL,
    band  smallint NOT NULL,
    shape geometry(Geometry, 3857) NOT NULL
) WITH (autovacuum_enabled = off)

-- name: place
-- Without heights and without what lies beyond Web Mercator. Only what is valid can be cut into pieces.
CREATE TEMPORARY TABLE placed ON COMMIT DROP AS
SELECT fid, CASE WHEN ST_Dimension(shape) = 2 AND NOT ST_IsValid(shape)
                 THEN ST_CollectionExtract(ST_MakeValid(shape), 3) ELSE shape END AS shape
FROM (
    SELECT fid, ST_Transform(ST_ClipByBox2D(ST_Force2D(ST_Transform(geom, 4326)),
                ST_MakeEnvelope(-540, -85.0511287798066, 540, 85.0511287798066, 4326)), 3857) AS shape
    FROM staging.{table} WHERE ST_NPoints(geom) > %(vertices)s OFFSET 0
) clipped WHERE NOT ST_IsEmpty(shape)

-- name: simplify
-- A shape of which nothing would be left becomes its envelope: tiles show it as a pixel.
UPDATE placed SET shape = CASE WHEN coalesce(ST_IsEmpty(simple), true) THEN ST_Envelope(shape) ELSE simple END
FROM (
    SELECT fid AS of_fid, CASE WHEN ST_Dimension(simple) = 2 AND NOT ST_IsValid(simple)
                               THEN ST_CollectionExtract(ST_MakeValid(simple), 3) ELSE simple END AS simple
    FROM (
        SELECT fid, CASE WHEN ST_Dimension(shape) = 0 THEN ST_UnaryUnion(ST_SnapToGrid(shape, %(tolerance)s))
                         ELSE ST_Simplify(shape, %(tolerance)s) END AS simple
        FROM placed OFFSET 0
    ) simplified OFFSET 0
) simpler WHERE of_fid = fid

-- name: add_shapes
INSERT INTO staging.{companion} (fid, band, shape)
SELECT fid, %(band)s, ST_Subdivide(shape, %(piece_vertices)s) FROM placed

-- name: index_band
CREATE INDEX ON staging.{companion} USING gist (shape) WHERE band = {band}

-- name: index_fid
-- For the question which features are here, and not in the table alone.
CREATE INDEX ON staging.{companion} (fid) WHERE band = {band}

-- name: analyse
ANALYZE staging.{companion}

-- name: let_vacuum
ALTER TABLE staging.{companion} RESET (autovacuum_enabled)
