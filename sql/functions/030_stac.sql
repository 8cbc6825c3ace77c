-- The items of a mosaic's STAC collection: all of them at once, in place of those it had.

-- The slow part is to bring ten thousand documents into pgSTAC's form (`content_dehydrate`, once for each:
-- its own triggers do so for each column). It comes first: the partition of a new collection takes a lock
-- on all items, and readers of the catalogue wait for it until the transaction ends.
CREATE OR REPLACE FUNCTION platform.replace_stac_items(p_collection text, p_items jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = pgstac, public AS $$
DECLARE
    v_number integer;
BEGIN
    DROP TABLE IF EXISTS pg_temp.ready_items;
    CREATE TEMP TABLE ready_items ON COMMIT DROP AS
        SELECT ready.* FROM jsonb_array_elements(p_items) item CROSS JOIN LATERAL content_dehydrate(item) ready;
    PERFORM check_partition(
        p_collection, tstzrange(min(datetime), max(datetime), '[]'),
        tstzrange(min(end_datetime), max(end_datetime), '[]')) FROM ready_items;
    DELETE FROM items WHERE collection = p_collection;
    INSERT INTO items SELECT * FROM ready_items;
    GET DIAGNOSTICS v_number = ROW_COUNT;
    RETURN v_number;
END
$$;
