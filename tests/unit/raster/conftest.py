"""A bench for raster tasks: put a file, run a handler, look at what came out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import TaskError
from core.task_models.raster import CreateCogParameters, CreateCogResult, ValidateRasterParameters
from services.raster.cog import create_cog
from services.raster.validate import validate_raster
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings


@dataclass
class Bench:
    """Handlers with a directory as storage."""

    root: Path
    storage: DirectoryBlobStore

    @property
    def files(self) -> Path:
        """Where a test makes its sources."""
        return self.root

    def put(self, path: Path, name: str | None = None) -> str:
        """Upload; the URI."""
        return self.storage.put(f"azure://bronze/{name or path.name}", path.read_bytes()).uri

    def around(self, *, cancel_at: float | None = None) -> Surroundings:
        """A fresh workspace."""
        number = len(list(self.root.glob("work*")))
        return surroundings(self.root / f"work{number}", self.storage, cancel_at=cancel_at)

    def create(self, path: Path, **options: object) -> tuple[CreateCogResult, Path]:
        """Convert; the result and the local file of the COG."""
        parameters = CreateCogParameters(
            source_uri=self.put(path), target_prefix="azure://silver/rasters/d_1/r1", **options
        )
        result = create_cog(parameters, self.around().context)
        return result, Path(self.storage.gdal_path(result.cog.blob_uri))

    def refusal(self, path: Path, name: str | None = None) -> TaskError:
        """The error that both tasks give for this source."""
        uri = self.put(path, name)
        convert = CreateCogParameters(source_uri=uri, target_prefix="azure://silver/r")
        errors = [
            _error(lambda: validate_raster(ValidateRasterParameters(source_uri=uri), self.around().context)),
            _error(lambda: create_cog(convert, self.around().context)),
        ]
        assert errors[0].code == errors[1].code
        assert not (self.root / "blobs" / "silver").exists(), "a refused source leaves nothing behind"
        return errors[0]


def _error(call: Callable[[], object]) -> TaskError:
    with pytest.raises(TaskError) as caught:
        call()
    return caught.value


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, DirectoryBlobStore(tmp_path / "blobs"))
