"""tipg's routes without what makes them slow.

That is: a thread for each parameter that is read, a copy of the grid for each tile, and a walk over all
routes for each link of each feature.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from morecantile import TileMatrixSet
from morecantile import tms as matrix_sets
from morecantile.defaults import TileMatrixSets
from starlette.requests import Request
from tipg import dependencies, factory

_QUICK = (
    dependencies.ItemsOutputType,
    dependencies.OutputType,
    dependencies.QueryablesOutputType,
    dependencies.TileParams,
    dependencies.bbox_query,
    dependencies.datetime_query,
    dependencies.ids_query,
    dependencies.properties_query,
    dependencies.sortby_query,
)


class SharedMatrixSets(TileMatrixSets):  # type: ignore[misc]  # the library has no types
    """Tile matrix sets that nobody changes, so that nobody needs copies of them."""

    def get(self, identifier: str) -> TileMatrixSet:
        """See morecantile."""
        return _matrix_set(identifier)


@lru_cache
def _matrix_set(identifier: str) -> TileMatrixSet:
    return matrix_sets.get(identifier)


@dataclass
class QuickFeatures(factory.OGCFeaturesFactory):  # type: ignore[misc]  # the library has no types
    """tipg's routes of features; the address of each is looked up once."""

    _paths: dict[tuple[str, ...], str] = field(default_factory=dict, init=False, repr=False)

    def url_for(self, request: Request, name: str, **path_params: Any) -> str:
        """See tipg."""
        key = (name, *path_params)
        if key not in self._paths:
            self._paths[key] = self.router.url_path_for(name, **{each: f"{{{each}}}" for each in path_params})
        return str(request.base_url).rstrip("/") + self._paths[key].format(**path_params)


@contextmanager
def dependencies_of_routes(**others: Callable[..., Any]) -> Iterator[None]:
    """Routes that tipg makes within the block are quick ones, and read their parameters by `others`, too.

    tipg names its dependencies in the signatures of its routes, and takes no others. FastAPI's overrides are
    not for this: with them, every request takes the signatures apart anew.
    """
    names: Mapping[str, Any] = {
        **{each.__name__: on_the_loop(each) for each in _QUICK},
        "OGCFeaturesFactory": QuickFeatures,
        **others,
    }
    before = {name: getattr(factory, name) for name in names}
    try:
        for name, dependency in names.items():
            setattr(factory, name, dependency)
        yield
    finally:
        for name, dependency in before.items():
            setattr(factory, name, dependency)


def on_the_loop(dependency: Callable[..., Any]) -> Callable[..., Any]:
    """The same dependency, for FastAPI to call where it is."""

    async def called(*args: Any, **kwargs: Any) -> Any:
        return dependency(*args, **kwargs)

    # `functools.wraps` would have FastAPI look through to what is called.
    called.__signature__ = inspect.signature(dependency)  # type: ignore[attr-defined]
    return called
