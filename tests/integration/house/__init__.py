"""The database of the house: schema, privileges and statements, on a real server."""
