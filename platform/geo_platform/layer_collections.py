"""The collections that a vector dataset is published as: one for each of its tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo_platform import identity

if TYPE_CHECKING:
    from geo_platform.plan_context import PlanContext

_PLACES = frozenset({"table", "generalised", "overview"})


@dataclass(frozen=True, slots=True)
class LayerCollection:
    """One table of a dataset, and what it is called where.

    Attributes:
        collection_id: in URLs; the dataset's own if there is one table only.
        name: within the dataset, in exported files; no two are equal, whatever their case.
        title: for people.
        table: as the job that loaded it describes it (`VectorTable`), with its names in `staging`.
        table_name: in `geo`; every revision has its own.
    """

    collection_id: str
    name: str
    title: str
    table: Mapping[str, Any]
    table_name: str

    @property
    def layer(self) -> str:
        """What the source calls it."""
        return str(self.table["layer"])

    @property
    def family(self) -> str | None:
        """Of a layer that was split by families of geometries."""
        family: str | None = self.table["family"]
        return family

    @property
    def generalised_name(self) -> str | None:
        """The companion for tiles of low zooms, in `geo`; None where there is none."""
        return identity.generalised_name(self.table_name) if self.table["generalised"] else None

    @property
    def overview_name(self) -> str | None:
        """The features that are seen at low zooms, in `geo`; None where there are not very many."""
        return identity.overview_name(self.table_name) if self.table.get("overview") else None

    @property
    def moves(self) -> Iterator[tuple[str, str]]:
        """What its publication moves: the names in `staging`, and those in `geo`."""
        yield self.table["table"], self.table_name
        if self.generalised_name:
            yield self.table["generalised"], self.generalised_name
        if self.overview_name:
            yield self.table["overview"], self.overview_name

    @property
    def characteristics(self) -> dict[str, Any]:
        """What the table is, without where it is."""
        return {name: value for name, value in self.table.items() if name not in _PLACES}


def layer_collections(context: PlanContext) -> tuple[LayerCollection, ...]:
    """The collections of a dataset whose tables are loaded, in the order of the source.

    Raises:
        ContractViolation: they are not loaded yet.
    """
    tables = context.summary["tables"]
    is_only = len(tables) == 1
    return tuple(
        _collection(context, table, name=name, is_only=is_only)
        for table, name in zip(tables, layer_names(tables), strict=True)
    )


def _collection(
    context: PlanContext, table: Mapping[str, Any], *, name: str, is_only: bool
) -> LayerCollection:
    own = context.collection_id
    collection_id = own if is_only else identity.layer_collection_id(own, name)
    return LayerCollection(
        collection_id=collection_id,
        name=name,
        title=context.title if is_only else f"{context.title} / {name}",
        table=table,
        table_name=identity.table_name(collection_id, context.revision),
    )


def layer_names(tables: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The layers' names; a number is added to what several files of a source call the same."""
    taken = set[str]()
    for table in tables:
        plain = "_".join(filter(None, (table["layer"], table["family"])))
        names = (f"{plain}_{number}" if number > 1 else plain for number in range(1, len(taken) + 2))
        name = next(each for each in names if each.casefold() not in taken)
        taken.add(name.casefold())
        yield name
