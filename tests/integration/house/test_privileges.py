"""Least privilege: what the application and the serving apps cannot do, even with a hole in our code."""

import psycopg
import pytest
from psycopg import errors

from infrastructure import migrations
from tools.stack.database import DatabaseUrls

_ROLES = """
SELECT rolname, rolsuper, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname ~ '^geo_'
"""
_RELATIONS = """
SELECT c.oid::regclass::text AS relation, pg_get_userbyid(c.relowner) AS owner,
       array(SELECT p FROM unnest(
           '{SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER}'::text[]
       ) AS p WHERE has_table_privilege(%(role)s, c.oid, p)) AS privileges
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('app', 'platform') AND c.relkind IN ('r', 'p', 'v', 'm')
"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname IN ('app', 'platform') AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
"""
_DENIED = {
    "geo_app": [
        "INSERT INTO public.schema_migrations VALUES ('x', 'x')",
        "DELETE FROM public.schema_migrations",
        "DROP TABLE app.jobs",
        "TRUNCATE app.jobs CASCADE",
        "ALTER TABLE app.tasks DISABLE TRIGGER ALL",
        "ALTER TABLE platform.requests ADD COLUMN extra text",
        "ALTER FUNCTION app.add_to_outbox(text, jsonb, interval) SECURITY DEFINER",
        "CREATE TABLE public.x ()",
        "CREATE TABLE app.x ()",
        "CREATE TABLE platform.x ()",
        "DROP SCHEMA geo",
        "CREATE SCHEMA x",
        "CREATE EXTENSION pg_trgm",
        "CREATE ROLE x",
        "ALTER ROLE geo_app CREATEROLE",
        "SET ROLE geo_owner",
        "SET ROLE postgres",
        "GRANT geo_owner TO geo_app",
        "COPY app.jobs TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
    "geo_reader": [
        "SELECT FROM platform.clients",
        "SELECT FROM platform.requests",
        "SELECT FROM app.jobs",
        "SELECT FROM app.datasets",
        "SELECT FROM platform.mosaics",
        "SELECT FROM public.schema_migrations",
        "INSERT INTO platform.catalog_version VALUES (true, 1)",
        "UPDATE platform.catalog_version SET version = 0",
        "SELECT FROM app.claim_task('a', 'b', 'c', '1 s')",
        "SELECT app.add_to_outbox('a', '{}')",
        "CREATE TABLE geo.x ()",
        "CREATE TABLE staging.x ()",
        "CREATE TABLE public.x ()",
        "CREATE SCHEMA x",
        'SELECT pgstac.create_collection(\'{"id": "x"}\')',
        "DELETE FROM pgstac.items",
        "SET ROLE geo_app",
        "SELECT pg_read_file('/etc/passwd')",
    ],
}
_ALLOWED = {
    "geo_app": [
        "INSERT INTO app.outbox (queue, body) VALUES ('a', '{}')",
        "SELECT FROM platform.clients",
        "SELECT FROM public.schema_migrations",
        "CREATE TABLE geo.x (); GRANT SELECT ON geo.x TO geo_reader",
        "CREATE TABLE staging.x (); ALTER TABLE staging.x SET SCHEMA geo",
        "SELECT FROM pgstac.items",
    ],
    "geo_reader": [
        "SELECT FROM platform.published_datasets",
        "SELECT FROM platform.published_collections",
        "SELECT FROM platform.published_mosaics",
        "SELECT FROM platform.catalog_version",
        "SELECT FROM pgstac.items",
    ],
}


def _cases(statements: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(role, text) for role, texts in statements.items() for text in texts]


def _url(urls: DatabaseUrls, role: str) -> str:
    return {"geo_app": urls.app, "geo_reader": urls.reader}[role]


@pytest.mark.parametrize(("role", "text"), _cases(_DENIED))
def test_denied(shared_urls: DatabaseUrls, role: str, text: str) -> None:
    _assert_denied(shared_urls, role, text)


def _assert_denied(urls: DatabaseUrls, role: str, text: str) -> None:
    with psycopg.connect(_url(urls, role)) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(text.encode())


@pytest.mark.parametrize(("role", "text"), _cases(_ALLOWED))
def test_allowed(shared_urls: DatabaseUrls, role: str, text: str) -> None:
    with psycopg.connect(_url(shared_urls, role)) as connection:
        connection.execute(text.encode())
        connection.rollback()


def test_no_role_of_ours_is_more_than_a_user(shared_urls: DatabaseUrls) -> None:
    with psycopg.connect(shared_urls.admin) as connection:
        powers = {name: any(flags) for name, *flags in connection.execute(_ROLES)}
    assert powers == {"geo_owner": False, "geo_app": False, "geo_reader": False}


def _relations(urls: DatabaseUrls, role: str) -> dict[str, tuple[str, set[str]]]:
    with psycopg.connect(urls.admin) as connection:
        rows = connection.execute(_RELATIONS, {"role": role}).fetchall()
    return {relation: (owner, set(privileges)) for relation, owner, privileges in rows}


def test_the_reader_sees_what_is_published_and_nothing_else(shared_urls: DatabaseUrls) -> None:
    granted = {name: held for name, (_, held) in _relations(shared_urls, "geo_reader").items() if held}
    assert granted == {
        "platform.published_datasets": {"SELECT"},
        "platform.published_collections": {"SELECT"},
        "platform.published_mosaics": {"SELECT"},
        "platform.catalog_version": {"SELECT"},
    }
    with psycopg.connect(shared_urls.admin) as connection:
        assert connection.execute(_FUNCTIONS, {"role": "geo_reader"}).fetchall() == []


def test_the_application_owns_nothing_and_writes_rows(shared_urls: DatabaseUrls) -> None:
    relations = _relations(shared_urls, "geo_app")
    assert {owner for owner, _ in relations.values()} == {"geo_owner"}
    assert {frozenset(held) for _, held in relations.values()} == {
        frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
    }


def test_a_migration_takes_back_what_is_not_granted_any_more(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.migrator) as connection:
        connection.execute("GRANT SELECT ON platform.clients TO geo_reader")
        connection.execute("GRANT ALL ON public.schema_migrations TO geo_app")
        connection.execute("GRANT CREATE ON SCHEMA app TO geo_app")
    migrations.migrate(database_urls.migrator)
    for role, text in (
        ("geo_reader", "SELECT FROM platform.clients"),
        ("geo_app", "DELETE FROM public.schema_migrations"),
        ("geo_app", "CREATE TABLE app.x ()"),
    ):
        _assert_denied(database_urls, role, text)
