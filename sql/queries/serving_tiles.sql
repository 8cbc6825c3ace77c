-- Vector tiles of published tables. They run on asyncpg, as role geo_reader; braces are identifiers, expressions
-- and numbers of this program, put in by triggers/serving/tile_statements.py. A column of the table has no space
-- in its name: names with one are ours.

-- name: tile
-- At most {most} features of a tile: $1 is the layer's name. "tile shape" is in any CRS, "tile place" in the
-- tile's. OFFSET 0 keeps the projection from being computed for each of its uses.
SELECT coalesce(ST_AsMVT("tile row", $1, {grid}, 'tile geom', 'tile fid' ORDER BY {order}), ''::bytea) AS content,
       count(*) AS chosen_count, count("tile row"."tile geom") AS shown_count
FROM (
    SELECT {properties} "tile fid", {geometry} AS "tile geom"
    FROM (
        SELECT *, {place} AS "tile place" FROM (SELECT * FROM ({source}) found {choice} LIMIT {most}) chosen OFFSET 0
    ) placed
) "tile row"

-- name: source
-- The features near a tile.
SELECT {columns} {fid} AS "tile fid", {geometry} AS "tile shape" FROM {table} WHERE {near} AND ({where})

-- name: thinned_source
-- One feature for each cell of a grid over the tile.
SELECT {columns} {fid} AS "tile fid", {geometry} AS "tile shape" FROM {table}
WHERE {fid} IN (
    SELECT min({fid}) FROM {looked_at} looked_at WHERE {near} AND ({where})
    GROUP BY floor((ST_XMin({geometry}) - {west}) / {width}), floor((ST_YMin({geometry}) - {south}) / {height})
)

-- name: overview
-- Where the features are that are seen at a zoom.
(SELECT fid AS {fid}, place AS {geometry} FROM {overview} WHERE zoom = {zoom})

-- name: in_overview
-- An array, so that they are looked up one by one, however many they are thought to be.
{fid} = ANY (ARRAY(SELECT fid FROM {overview} WHERE zoom = {zoom} AND {near}))

-- name: pieces_in_overview
AND fid IN (SELECT fid FROM {overview} WHERE zoom = {zoom} AND {near})

-- name: generalised_source
-- The same, but for huge geometries, which come from the companion: as simple as the zoom allows, and without
-- what lies outside of the tile. Pieces of an area are one area again.
SELECT {columns} {fid} AS "tile fid", {geometry} AS "tile shape" FROM {table}
WHERE {near} AND ({where})
  AND NOT EXISTS (SELECT FROM {companion} c WHERE c.band = {first_band} AND c.fid = {table}.{fid})
UNION ALL
SELECT {columns} {fid} AS "tile fid", "piece shape" AS "tile shape"
FROM (
    SELECT fid AS "piece fid",
           CASE WHEN count(*) > 1 AND max(ST_Dimension(shape)) = 2 THEN ST_UnaryUnion(ST_Collect(shape))
                ELSE ST_Collect(shape) END AS "piece shape"
    FROM (
        SELECT fid, ST_ClipByBox2D(shape, {around}) AS shape FROM {companion}
        WHERE band = {band} AND shape && {around} {chosen_before} OFFSET 0
    ) clipped WHERE NOT ST_IsEmpty(shape) GROUP BY fid
) pieces JOIN {table} ON {fid} = "piece fid"
WHERE {where}

-- name: most_visible
-- The largest first; `hashint8` draws lots between equal ones, always in the same way.
ORDER BY greatest(ST_XMax("tile shape") - ST_XMin("tile shape"), ST_YMax("tile shape") - ST_YMin("tile shape"))
         * {unit} DESC, hashint8("tile fid"), "tile fid"

-- name: point_geometry
ST_AsMVTGeom("tile place", {bounds}, {grid}, {buffer})

-- name: geometry
-- What is smaller than a pixel becomes a pixel, and so does an area so narrow that nothing is left of it on the
-- tile's grid: it does not vanish.
coalesce(
    ST_AsMVTGeom(
        CASE WHEN greatest(ST_XMax("tile place") - ST_XMin("tile place"),
                           ST_YMax("tile place") - ST_YMin("tile place")) >= {pixel}
                  OR ST_Dimension("tile place") = 0 THEN {shape}
             WHEN ST_Dimension("tile place") = 2 THEN ST_Expand(ST_Centroid(ST_Envelope("tile place")), {pixel} / 2)
             ELSE ST_MakeLine(ST_Translate(ST_Centroid(ST_Envelope("tile place")), -{pixel} / 2, 0),
                              ST_Translate(ST_Centroid(ST_Envelope("tile place")), {pixel} / 2, 0)) END,
        {bounds}, {grid}, {buffer}),
    CASE WHEN ST_Dimension("tile place") = 2 THEN ST_AsMVTGeom(
        ST_Expand(ST_Centroid(ST_ClipByBox2D("tile place", {bounds})), {pixel} / 2), {bounds}, {grid}, {buffer}) END)

-- name: simplified
ST_Simplify("tile place", {tolerance}, true)

-- name: placed
ST_Transform("tile shape", {srid})

-- name: placed_without_poles
-- Mercator ends before the poles, and what lies there has no place in it.
ST_Transform(ST_ClipByBox2D(ST_Transform("tile shape", 4326), ST_MakeEnvelope(-540, {south}, 540, {north}, 4326)),
             {srid})

-- name: placed_once
CASE WHEN ST_SRID("tile shape") = {srid} THEN "tile shape" ELSE {placed} END

-- name: simplified_as_asked
ST_SnapToGrid(ST_SimplifyPreserveTopology({geometry}, {tolerance}), {tolerance})

-- name: bytes_as_text
-- A part of statements that tipg makes. PostgreSQL breaks the lines of Base64.
translate(encode({column}, 'base64'), E'\n', '') AS {column}
