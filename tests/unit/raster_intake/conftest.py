"""What comes in: put a file into storage, look at it as the tasks do, hear what is said of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import TaskError
from core.task_models.raster_cog import CreateCogParameters
from core.task_models.raster_validation import ReadingOptions, ValidateRasterParameters, ValidateRasterResult
from services.raster.create_cog import create_cog
from services.raster.environment import hardened_gdal
from services.raster.reading import OpenRaster, open_raster
from services.raster.source import Source, choose_source, fetch_source
from services.raster.validate import validate_raster
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings

AS_IT_IS = ReadingOptions()


@dataclass
class Intake:
    """`files` is where a test makes its sources."""

    files: Path
    storage: DirectoryBlobStore

    def put(self, content: Path | bytes, name: str | None = None) -> str:
        """Upload; the URI."""
        if isinstance(content, Path):
            name, content = name or content.name, content.read_bytes()
        return self.storage.put(f"azure://bronze/{name or 'a.tif'}", content).uri

    def around(self, *, cancel_at: float | None = None) -> Surroundings:
        """A fresh workspace."""
        number = len(list(self.files.glob("work*")))
        return surroundings(self.files / f"work{number}", self.storage, cancel_at=cancel_at)

    def validated(
        self, content: Path | bytes, name: str | None = None, reading: ReadingOptions = AS_IT_IS
    ) -> ValidateRasterResult:
        """The report."""
        parameters = ValidateRasterParameters(source_uri=self.put(content, name), reading=reading)
        return validate_raster(parameters, self.around().context)

    def codes(
        self, content: Path | bytes, name: str | None = None, reading: ReadingOptions = AS_IT_IS
    ) -> set[str]:
        """Of the findings."""
        return {finding.code for finding in self.validated(content, name, reading).findings}

    def refusal(
        self, content: Path | bytes, name: str | None = None, reading: ReadingOptions = AS_IT_IS
    ) -> TaskError:
        """The error of `validate_raster`."""
        with pytest.raises(TaskError) as caught:
            self.validated(content, name, reading)
        assert caught.value.remedy, "every refusal says what to do"
        assert str(self.files) not in caught.value.message
        return caught.value

    def refusal_to_convert(
        self, content: Path | bytes, name: str | None = None, reading: ReadingOptions = AS_IT_IS
    ) -> TaskError:
        """The error of `create_cog`, which leaves nothing behind."""
        parameters = CreateCogParameters(
            source_uri=self.put(content, name), target_prefix="azure://silver/r", reading=reading
        )
        with pytest.raises(TaskError) as caught:
            create_cog(parameters, self.around().context)
        assert not list((self.files / "blobs").glob("silver/**/*.tif"))
        return caught.value

    @contextmanager
    def opened(
        self,
        content: Path | bytes,
        name: str | None = None,
        reading: ReadingOptions = AS_IT_IS,
        *,
        is_downloaded: bool = False,
    ) -> Iterator[OpenRaster]:
        """As handlers see it."""
        obtain = fetch_source if is_downloaded else choose_source
        source: Source = obtain(
            self.around().context, uri=self.put(content, name), etag=None, reading=reading
        )
        with hardened_gdal(), open_raster(source, reading) as opened:
            yield opened


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path, DirectoryBlobStore(tmp_path / "blobs"))
