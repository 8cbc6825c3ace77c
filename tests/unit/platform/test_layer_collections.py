"""The names of the tables of a dataset within it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_platform.layer_collections import layer_names

Layers = list[tuple[str, str | None]]
layers = st.lists(st.tuples(st.sampled_from(["a", "A", "a_2", "b", "É"]), st.none()), max_size=12)


def names(found: Layers) -> list[str]:
    return list(layer_names({"layer": layer, "family": family} for layer, family in found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([("roads", None), ("rivers", None)], ["roads", "rivers"]),
        ([("all", "points"), ("all", "lines")], ["all_points", "all_lines"]),
        ([("data", None), ("Data", None), ("data", None)], ["data", "Data_2", "data_3"]),
        ([("a", None), ("a_2", None), ("a", None)], ["a", "a_2", "a_3"]),
    ],
)
def test_layers_keep_their_names_as_far_as_they_can(found: Layers, expected: list[str]) -> None:
    assert names(found) == expected


@given(layers)
def test_no_two_names_are_equal_whatever_their_case(found: Layers) -> None:
    given_names = names(found)
    assert len(given_names) == len(found)
    assert len({name.casefold() for name in given_names}) == len(found)
