-- Which chunks of a staging table are loaded, and what came of them: written in the transaction that loads
-- them, so that a chunk is in its table once, whoever tries how often. The rows go when the table is dropped
-- or published.
CREATE TABLE app.vector_chunks (
    table_name  varchar(63) NOT NULL,
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    result      jsonb,
    loaded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, chunk_index)
);
