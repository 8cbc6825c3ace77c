"""The URLs of the platform. All are absolute, built from the public base URL."""

from collections.abc import Mapping
from dataclasses import dataclass

from geo_platform.states import DataType

_MATRIX_SET = "WebMercatorQuad"


@dataclass(frozen=True, slots=True)
class DatasetUrls:
    """What a published dataset offers. Templates keep `{z}`, `{x}`, `{y}`, `{lon}`, `{lat}`."""

    endpoints: Mapping[str, str]
    api_endpoint: str
    api_type: str

    def pick(self, *names: str) -> dict[str, str]:
        """Some of the endpoints."""
        return {name: self.endpoints[name] for name in names}


@dataclass(frozen=True, slots=True)
class Urls:
    """Builds URLs below `base` (no trailing slash)."""

    base: str

    def submit(self) -> str:
        """Where requests are submitted."""
        return f"{self.base}/api/platform/submit"

    def status(self, request_id: str) -> str:
        """Where a request is polled."""
        return f"{self.base}/api/platform/status/{request_id}"

    def requests(self) -> str:
        """Where requests are listed."""
        return f"{self.base}/api/platform/status"

    def dataset(
        self, data_type: DataType, *, collection_id: str, stac_collection: str, request_id: str
    ) -> DatasetUrls:
        """The endpoints of a dataset of this type, published by this request."""
        shared = {
            "stac_item": f"{self._stac(stac_collection)}/items/{collection_id}",
            "stac_collection": self._stac(stac_collection),
            "download": f"{self.base}/api/platform/data/{request_id}/download",
            "map": f"{self.base}/?dataset={collection_id}",
        }
        if data_type is DataType.VECTOR:
            vector = self._vector(collection_id)
            return DatasetUrls({**vector, **shared}, vector["features"], "ogc-features")
        raster = self._raster(collection_id)
        return DatasetUrls({**raster, **shared}, raster["tilejson"], "titiler")

    def _stac(self, collection: str) -> str:
        return f"{self.base}/api/stac/collections/{collection}"

    def _vector(self, collection_id: str) -> dict[str, str]:
        features = f"{self.base}/api/ogc/features/collections/{collection_id}"
        tiles = f"{features}/tiles/{_MATRIX_SET}"
        return {
            "features": features,
            "items": f"{features}/items",
            "vector_tiles": f"{tiles}/{{z}}/{{x}}/{{y}}",
            "tilejson": f"{tiles}/tilejson.json",
        }

    def _raster(self, collection_id: str) -> dict[str, str]:
        cog, dataset = f"{self.base}/api/cog", f"?dataset={collection_id}"
        return {
            "info": f"{cog}/info{dataset}",
            "tiles": f"{cog}/tiles/{_MATRIX_SET}/{{z}}/{{x}}/{{y}}.png{dataset}",
            "tilejson": f"{cog}/{_MATRIX_SET}/tilejson.json{dataset}",
            "preview": f"{cog}/preview.png{dataset}",
            "point": f"{cog}/point/{{lon}},{{lat}}{dataset}",
        }
