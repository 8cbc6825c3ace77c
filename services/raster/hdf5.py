"""HDF5 and netCDF-4 files that read other files: refused before GDAL opens them.

Both libraries under GDAL follow external links, read pixels from files of any name ("external storage") and
assemble datasets from other files ("virtual datasets"), without asking. Source: HDF5 User Guide, chapters
"Groups" (external links) and "Datasets" (external storage, virtual datasets).
"""

from pathlib import Path
from typing import Any

from core.errors import PermanentTaskError

_MAX_OBJECTS = 10_000


def check_hdf5(path: Path) -> None:
    """Look at every link and every dataset; the links that lead out are not followed.

    Raises:
        PermanentTaskError: EXTERNAL_REFERENCE, SOURCE_TOO_LARGE for too many objects, RASTER_UNREADABLE.
    """
    import h5py  # type: ignore[import-untyped]  # 60 ms, and only where the operator allows such files

    try:
        with h5py.File(path, "r") as file:
            _check_links(h5py, file)
            _check_datasets(h5py, file)
    except (OSError, RuntimeError, KeyError, ValueError) as exc:
        raise PermanentTaskError(
            "The HDF5 file is damaged.",
            code="RASTER_UNREADABLE",
            remedy="Check the file with h5dump -H, and upload it again.",
        ) from exc


def _check_links(h5py: Any, file: Any) -> None:
    inside = {h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT}
    kinds = []

    def look(_name: bytes, info: Any) -> bool | None:
        """True stops the walk; an exception would be lost in h5py."""
        kinds.append(info.type)
        return True if info.type not in inside or len(kinds) > _MAX_OBJECTS else None

    file.id.links.visit(look, info=True)
    if len(kinds) > _MAX_OBJECTS:
        raise PermanentTaskError(
            f"The HDF5 file holds more than {_MAX_OBJECTS} objects.",
            code="SOURCE_TOO_LARGE",
            remedy="Extract the variable that is meant, and submit that.",
        )
    if not inside.issuperset(kinds):
        raise _external("a link")


def _check_datasets(h5py: Any, file: Any) -> None:
    def look(_name: str, found: Any) -> str | None:
        if not isinstance(found, h5py.Dataset):
            return None
        layout = found.id.get_create_plist()
        if layout.get_layout() == h5py.h5d.VIRTUAL:
            return "a virtual dataset"
        return "a dataset" if layout.get_external_count() else None

    if reference := file.visititems(look):
        raise _external(reference)


def _external(what: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The HDF5 file holds {what} that refers to another file.",
        code="EXTERNAL_REFERENCE",
        remedy="Copy the data into one file (h5repack), and submit that.",
    )
