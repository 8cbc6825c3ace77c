"""Admission and inspection of a file, as the first task does them, without a blob store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import PermanentTaskError
from services.vector.admission import admit, private_path
from services.vector.inspect import Inspection, inspect_layer
from services.vector.source import SourceLayer

Admit = Callable[..., SourceLayer]
Inspect = Callable[..., Inspection]
Refusal = Callable[..., PermanentTaskError]


@pytest.fixture
def admitted(tmp_path: Path) -> Admit:
    """`admitted(name, content, layer=None)`: the layer behind the first door."""

    def run(name: str, content: bytes, *, layer: str | None = None) -> SourceLayer:
        directory = tmp_path / "source"
        directory.mkdir()
        path = private_path(name, directory)
        path.write_bytes(content)
        return admit(path, uri=f"azure://bronze/in/{name}", layer=layer)

    return run


@pytest.fixture
def inspected(admitted: Admit) -> Inspect:
    """`inspected(name, content, layer=None, target_crs=...)`: what the whole first task finds out."""

    def run(
        name: str, content: bytes, *, layer: str | None = None, target_crs: str = "EPSG:4326"
    ) -> Inspection:
        return inspect_layer(
            admitted(name, content, layer=layer), target_crs=target_crs, progress=lambda _: None
        )

    return run


@pytest.fixture
def refusal(inspected: Inspect) -> Refusal:
    """The error with which a file is refused, by whichever door."""

    def run(*arguments: object, **options: object) -> PermanentTaskError:
        with pytest.raises(PermanentTaskError) as caught:
            inspected(*arguments, **options)
        assert caught.value.remedy
        return caught.value

    return run
