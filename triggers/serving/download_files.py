"""Which files a published dataset can be downloaded as, by name."""

from pathlib import PurePosixPath

from core.errors import InvalidRequest, NotFound
from core.task_models.vector_export import ExportFormat
from triggers.serving.blob_answers import COG_TYPE, BlobFile
from triggers.serving.datasets import PublishedDataset
from triggers.serving.mosaics import PublishedMosaics

_MEDIA_TYPES = {
    ".tif": COG_TYPE,
    ".pmtiles": "application/vnd.pmtiles",
    ".fgb": "application/vnd.flatgeobuf",
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
}
MOSAICJSON = "mosaicjson"
REJECTS = "rejects"
# What is made of a table when somebody asks for it; the first is what a client gets that asks for nothing.
_EXPORTS = (
    ExportFormat.GEOJSON.value,
    *(each.value for each in ExportFormat if each != ExportFormat.GEOJSON),
)


def files_of(dataset: PublishedDataset) -> dict[str, BlobFile]:
    """The files of a raster by what `f` calls them: `cog` (of a mosaic its overview), `pmtiles`, products,
    `scheme` (how a large raster was cut)."""
    places, name = dataset.data_locations, dataset.collection_id
    uris = {
        "cog": places.get("blob") or places.get("overview"),
        "pmtiles": places.get("tile_cache"),
        "scheme": places.get("scheme"),
        **(places.get("products") or {}),
    }
    plain = {"cog": name, "pmtiles": name}
    return {kind: _file(uri, plain.get(kind, f"{name}_{kind}")) for kind, uri in uris.items() if uri}


def kinds_of(dataset: PublishedDataset) -> list[str]:
    """What `f` may be, the one that is meant without it first."""
    if not dataset.is_raster:
        return [*_EXPORTS, *([REJECTS] if dataset.data_locations.get("rejects") else [])]
    files = list(files_of(dataset))
    if dataset.mosaic_uri is None:
        return files
    return [*files, MOSAICJSON] if "cog" in files else [MOSAICJSON, *files]


def chosen_kind(dataset: PublishedDataset, wanted: str | None) -> str:
    """What `f` says, or what is meant without it.

    Raises:
        InvalidRequest: the dataset is not available as that.
    """
    kinds = kinds_of(dataset)
    if wanted in kinds:
        return str(wanted)
    if wanted is None:
        return kinds[0]
    raise InvalidRequest(
        f"This dataset is not available as '{wanted[:20]}'.",
        remedy=f"Use f={kinds[0]}." if len(kinds) == 1 else f"Use one of f={', '.join(kinds)}.",
        field_errors=({"loc": "query.f", "msg": f"must be one of {', '.join(kinds)}"},),
    )


def named_file(dataset: PublishedDataset, name: str, mosaics: PublishedMosaics) -> BlobFile | None:
    """The product or the part of this name, with or without its ending, if there is one."""
    stem, _, ending = name.rpartition(".")
    products = files_of(dataset)
    for candidate in (name, stem):
        if candidate in (dataset.data_locations.get("products") or {}):
            return products[candidate]
    if dataset.mosaic_uri:
        parts = mosaics.get(dataset).by_name
        found = parts.get(name) or (parts.get(stem) if ending == "tif" else None)
        if found:
            return BlobFile(found.uri, f"{dataset.collection_id}_{found.name}.tif", COG_TYPE)
    return None


def no_such_file(name: str) -> NotFound:
    """The answer to a name that is none of a product or a part."""
    return NotFound(
        f"The dataset has no file '{name[:80]}'.",
        code="FILE_NOT_FOUND",
        remedy="The parts of a mosaic are named in its MosaicJSON.",
    )


def _file(uri: str, stem: str) -> BlobFile:
    ending = PurePosixPath(uri).suffix.lower()
    return BlobFile(uri, stem + ending, _MEDIA_TYPES.get(ending, "application/octet-stream"))
