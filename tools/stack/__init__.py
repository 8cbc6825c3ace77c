"""The local stack: PostgreSQL, Azurite, the development broker and the Functions hosts of one checkout."""
