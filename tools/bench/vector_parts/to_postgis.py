"""`geopandas.to_postgis` as people write it: read, write, index. Arguments: file, database URL, table."""

import sys

import geopandas
import sqlalchemy


def main(source: str, url: str, table: str) -> None:
    """to_postgis makes the spatial index itself; it knows no key."""
    engine = sqlalchemy.create_engine(sqlalchemy.engine.make_url(url).set(drivername="postgresql+psycopg"))
    frame = geopandas.read_file(source, engine="pyogrio", use_arrow=True)
    frame.to_postgis(table, engine, if_exists="replace", chunksize=100_000)
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
