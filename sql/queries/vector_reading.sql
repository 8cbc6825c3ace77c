-- Tables of features, read in pages by their key. Braces are identifiers and expressions, put in by
-- infrastructure/repositories/vector_reading.py and vector_values.py.

-- name: page
-- A page is one row: each column comes as one value, its entries behind one another, so that a client reads it
-- without looking at single rows. OFFSET 0 keeps the values from being computed for each of their uses.
SELECT count(*) AS row_count, max(fid) AS last_fid, string_agg(int8send(fid), ''::bytea) AS fids, {parts}
FROM (
    SELECT fid, row_number() OVER () - 1 AS place, {values}
    FROM (
        SELECT * FROM (
            SELECT fid, {columns}, sum({size}) OVER (ORDER BY fid) - {size} AS "bytes before"
            FROM {table} WHERE fid > %(after)s ORDER BY fid LIMIT %(limit)s
        ) sized WHERE "bytes before" < %(budget)s
    ) chosen OFFSET 0
) page

-- name: features
-- A page as GeoJSON features (RFC 7946: WGS 84, longitude first, exterior rings counterclockwise). The function
-- that turns rings turns lines around as well, which are therefore turned before.
SELECT count(*) AS row_count, max(fid) AS last_fid, convert_to(string_agg(feature, E',\n'), 'UTF8') AS features
FROM (
    SELECT fid, json_build_object(
               'type', 'Feature', 'id', fid,
               'geometry', ST_AsGeoJSON(ST_ForcePolygonCCW(ST_Reverse(ST_Transform(geom, 4326))), 15)::json,
               'properties', {properties})::text AS feature
    FROM (
        SELECT * FROM (
            SELECT fid, {columns}, sum({size}) OVER (ORDER BY fid) - {size} AS "bytes before"
            FROM {table} WHERE fid > %(after)s ORDER BY fid LIMIT %(limit)s
        ) sized WHERE "bytes before" < %(budget)s
    ) chosen OFFSET 0
) page

-- name: has_gaps
-- Whether some rows have no place.
SELECT EXISTS (SELECT FROM {table} WHERE geom IS NULL OR ST_IsEmpty(geom)) AS has_gaps
