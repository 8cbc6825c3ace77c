"""Files as the first task has them: admitted, opened and read, but without a blob store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import StepCount, VectorReading
from services.vector.admission import admit, private_path
from services.vector.reading import open_layer
from services.vector.source import SourceLayer


@dataclass(frozen=True, slots=True)
class ReadLayer:
    """A layer, read to its end."""

    name: str
    crs: str | None
    geometry_column: str
    fid_column: str | None
    rows: pa.Table
    steps: tuple[StepCount, ...]
    findings: tuple[Finding, ...]

    @property
    def codes(self) -> list[str]:
        """The codes of its findings."""
        return [finding.code for finding in self.findings]

    @property
    def geometries(self) -> list[bytes | None]:
        """Its geometries as WKB."""
        values: list[bytes | None] = self.rows.column(self.geometry_column).to_pylist()
        return values

    def column(self, name: str) -> list[Any]:
        """The values of an attribute."""
        values: list[Any] = self.rows.column(name).to_pylist()
        return values


Admit = Callable[..., tuple[SourceLayer, ...]]
Read = Callable[..., ReadLayer]
Refusal = Callable[..., PermanentTaskError]


def read_layer(layer: SourceLayer, reading: VectorReading) -> ReadLayer:
    """Everything that a layer has, through the one entry for all formats."""
    with open_layer(layer, reading=reading) as stream:
        rows = pa.Table.from_batches(stream.batches, schema=stream.schema)
        return ReadLayer(
            name=layer.name,
            crs=stream.crs,
            geometry_column=stream.geometry_column,
            fid_column=stream.fid_column,
            rows=rows,
            steps=stream.steps(),
            findings=stream.findings(),
        )


@pytest.fixture
def admitted(tmp_path: Path) -> Admit:
    """`admitted(name, content, **reading)`: the layers behind the first door."""

    def run(name: str, content: bytes, **reading: Any) -> tuple[SourceLayer, ...]:
        directory = tmp_path / "source"
        directory.mkdir()
        options = VectorReading(**reading)
        path = private_path(name, directory, extra_formats=options.extra_formats)
        path.write_bytes(content)
        return admit(path, uri=f"azure://bronze/in/{name}", reading=options)

    return run


@pytest.fixture
def read_all(admitted: Admit) -> Callable[..., list[ReadLayer]]:
    """`read_all(name, content, **reading)`: all layers, read."""

    def run(name: str, content: bytes, **reading: Any) -> list[ReadLayer]:
        layers = admitted(name, content, **reading)
        return [read_layer(layer, VectorReading(**reading)) for layer in layers]

    return run


@pytest.fixture
def read(read_all: Callable[..., list[ReadLayer]]) -> Read:
    """`read(name, content, **reading)`: the only layer, read."""

    def run(name: str, content: bytes, **reading: Any) -> ReadLayer:
        (layer,) = read_all(name, content, **reading)
        return layer

    return run


@pytest.fixture
def refusal(read_all: Callable[..., list[ReadLayer]]) -> Refusal:
    """The error with which a file is refused, by admission or by reading."""

    def run(name: str, content: bytes, **reading: Any) -> PermanentTaskError:
        with pytest.raises(PermanentTaskError) as caught:
            read_all(name, content, **reading)
        assert caught.value.remedy
        return caught.value

    return run
