"""Names: the same for the same, different for the different, and fit for PostgreSQL."""

import re

from hypothesis import given
from hypothesis import strategies as st

from geo_platform import identity

identifier = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", fullmatch=True)
triples = st.tuples(identifier, identifier, identifier)


def ids(triple: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("dataset_id", "resource_id", "version_id"), triple, strict=True))


@given(triples, triples)
def test_distinct_identifiers_have_distinct_keys(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    keys = {identity.dataset_key("ddh", ids(triple)) for triple in (one, other)}
    assert len(keys) == len({one, other})


@given(st.text("ab.", min_size=2, max_size=12), st.integers(1, 11), st.integers(1, 11))
def test_the_place_of_the_cut_matters(text: str, first: int, second: int) -> None:
    """The trap of hashing a concatenation: ("ab", "c") against ("a", "bc")."""
    cuts = {(text[:cut], text[cut:]) for cut in (first, second)}
    keys = {identity.dataset_key("ddh", {"dataset_id": left, "resource_id": right}) for left, right in cuts}
    assert len(keys) == len(cuts)


@given(triples)
def test_the_order_of_identifiers_does_not_matter_and_the_namespace_does(
    triple: tuple[str, str, str],
) -> None:
    named = ids(triple)
    backwards = dict(reversed(named.items()))
    assert identity.dataset_key("ddh", named) == identity.dataset_key("ddh", backwards)
    assert identity.dataset_key("ddh", named) != identity.dataset_key("other", named)


@given(triples)
def test_a_public_name_is_a_table_name(triple: tuple[str, str, str]) -> None:
    key = identity.dataset_key("ddh", ids(triple))
    name = identity.collection_id(ids(triple), key)
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", name)
    assert len(name) <= 59
    assert name.endswith(key[:8])


def test_names_that_differ_only_behind_byte_63_stay_apart() -> None:
    long = "a" * 80
    names = {
        identity.collection_id(
            ids((long, "r", version)), identity.dataset_key("ddh", ids((long, "r", version)))
        )
        for version in ("v1", "v2")
    }
    assert len(names) == 2


def test_request_ids_differ_by_revision_and_fit_their_column() -> None:
    found = {identity.request_id("0" * 64, revision) for revision in range(1, 50)}
    assert len(found) == 49
    assert all(re.fullmatch(r"[0-9a-f]{32}", request_id) for request_id in found)


names = st.text(min_size=1, max_size=70)
collections = st.builds(lambda triple: identity.collection_id(ids(triple), "0123456789abcdef" * 4), triples)


@given(collections, names, names)
def test_a_layer_has_a_public_name_of_its_own(collection: str, layer: str, other: str) -> None:
    name = identity.layer_collection_id(collection, layer)
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", name)
    assert len(name) <= 59
    assert name != collection
    assert (name == identity.layer_collection_id(collection, other)) == (layer == other)


def test_a_layer_s_name_can_be_read() -> None:
    name = identity.layer_collection_id("flood_2024_extent_v1_0_01234567", "Roads & Paths_lines")
    assert re.fullmatch(r"flood_2024_extent_v1_0_roads_paths_lines_[0-9a-f]{8}", name)


@given(collections, st.integers(1, 99_999), st.integers(1, 99_999))
def test_every_revision_has_tables_of_its_own(collection: str, revision: int, other: int) -> None:
    table = identity.table_name(collection, revision)
    companion = identity.generalised_name(table)
    assert len(companion) <= 63
    assert table.startswith(collection[:40])
    assert len({table, companion, identity.table_name(collection, other)}) == 2 + (revision != other)


def test_tables_of_names_that_differ_only_in_their_hash_stay_apart() -> None:
    tables = {identity.table_name(f"{'a' * 50}_{number:08x}", 12_345) for number in range(50)}
    assert len(tables) == 50
