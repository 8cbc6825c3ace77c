"""The published mosaics of this process, each read once: what was published for a request never changes."""

import json
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Any

from core.errors import NotFound
from core.task_models.raster import RasterDescription
from core.task_models.raster_mosaic import MosaicPart
from triggers.serving.config import BlobReader, ServingConfig
from triggers.serving.datasets import PublishedDataset
from triggers.serving.reading.mosaic import Grid, Mosaic, Part
from triggers.serving.reading.open_rasters import OpenRasters

_MOST_KEPT = 16
_Key = tuple[str, str]


class PublishedMosaics:
    """Makes mosaics of their lists of parts, and keeps those used last. Safe for use by several threads."""

    def __init__(self, blobs: BlobReader, rasters: OpenRasters) -> None:
        self._blobs = blobs
        self._rasters = rasters
        self._kept: OrderedDict[_Key, Mosaic] = OrderedDict()
        self._reading: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def kept(self, dataset: PublishedDataset) -> Mosaic | None:
        """The mosaic of the dataset, if it has been read."""
        with self._lock:
            return self._found(dataset.key)

    def get(self, dataset: PublishedDataset) -> Mosaic:
        """The mosaic of the dataset. Who asks while it is read waits, instead of reading it as well.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) the dataset is no mosaic.
            TransientError: (STORAGE_TIMEOUT) the blob storage does not answer.
        """
        with self._lock:
            if found := self._found(dataset.key):
                return found
            reading = self._reading[dataset.key]
        with reading:
            with self._lock:
                if found := self._found(dataset.key):
                    return found
            made = self._read(dataset)
            with self._lock:
                self._kept[dataset.key] = made
                self._reading.pop(dataset.key, None)
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            return made

    def _found(self, key: _Key) -> Mosaic | None:
        if found := self._kept.get(key):
            self._kept.move_to_end(key)
        return found

    def document(self, dataset: PublishedDataset) -> dict[str, Any]:
        """The MosaicJSON as it was published: its assets are URIs of blobs.

        Raises:
            As `get`.
        """
        uri = _place(dataset, "mosaic")
        document: dict[str, Any] = json.loads(b"".join(self._blobs.open_range(uri)))
        return document

    def _read(self, dataset: PublishedDataset) -> Mosaic:
        known = dataset.data_characteristics
        lines = b"".join(self._blobs.open_range(_place(dataset, "parts"))).splitlines()
        parts = (MosaicPart.model_validate_json(line) for line in lines if line.strip())
        overview = dataset.data_locations.get("overview")
        return Mosaic(
            grid=Grid.of(_header(known)),
            parts=tuple(Part.of(part, path=self._blobs.gdal_path(part.blob_uri)) for part in parts),
            minzoom=int(known["minzoom"]),
            maxzoom=int(known["maxzoom"]),
            overview_path=self._blobs.gdal_path(overview) if overview else None,
            overview_resolution=known.get("overview_resolution"),
            is_smooth=dataset.rendering is not None and dataset.rendering.resampling != "nearest",
            rasters=self._rasters,
        )


def part_url(config: ServingConfig, dataset: PublishedDataset, name: str) -> str:
    """Where a part can be downloaded. It ends like a GeoTIFF, as GDAL expects of a URL."""
    base = config.public_base_url.rstrip("/")
    return f"{base}/api/platform/data/{dataset.request_id}/download/{name}.tif"


def public_document(mosaics: PublishedMosaics, config: ServingConfig, dataset: PublishedDataset) -> Any:
    """The MosaicJSON of a dataset for clients: its assets are addresses that answer them.

    Raises:
        As `PublishedMosaics.get`.
    """
    names = {uri: part.name for uri, part in mosaics.get(dataset).by_uri.items()}
    document = mosaics.document(dataset)
    tiles = {
        quadkey: [part_url(config, dataset, names[uri]) for uri in uris]
        for quadkey, uris in document["tiles"].items()
    }
    return {**document, "tiles": tiles}


def _place(dataset: PublishedDataset, name: str) -> str:
    uri = dataset.data_locations.get(name)
    if uri is None:
        raise NotFound(
            f"The dataset '{dataset.collection_id}' is no mosaic.",
            code="COLLECTION_NOT_FOUND",
            remedy="A raster of one file is served under /api/cog, with dataset=.",
        )
    return str(uri)


def _header(known: Mapping[str, Any]) -> RasterDescription:
    fields = {name: known[name] for name in RasterDescription.model_fields if name in known}
    return RasterDescription.model_validate(fields)
