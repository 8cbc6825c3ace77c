"""The URLs of the platform. All are absolute, built from the public base URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from geo_platform.states import Shape

_MATRIX_SET = "WebMercatorQuad"


@dataclass(frozen=True, slots=True)
class Offer:
    """A dataset to be published, as far as its URLs depend on it.

    `has_file`: there is one file of the whole, which of a mosaic is its overview. `has_scheme`: there is a
    plan of the tiles that it was cut into. `is_first`: of several mosaics, it is the one that is meant where
    none is named. `products` are of the terrain. Of tables, `collections` are their
    names in order, `has_rejects` says that some features are not in them, and `exports` are the formats of
    files that were made beforehand.
    """

    shape: Shape
    collection_id: str
    stac_collection: str
    request_id: str
    has_file: bool = True
    has_scheme: bool = False
    has_tile_cache: bool = False
    is_first: bool = True
    products: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    has_rejects: bool = False
    exports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetUrls:
    """What a published dataset, or one of several mosaics of it, offers.

    Templates keep `{z}`, `{x}`, `{y}`, `{lon}`, `{lat}`, `{name}`.
    """

    endpoints: Mapping[str, str]
    api_endpoint: str
    api_type: str
    products: Mapping[str, str] = field(default_factory=dict)

    def pick(self, *names: str) -> dict[str, str]:
        """Some of the endpoints, as far as they are offered."""
        return {name: self.endpoints[name] for name in names if name in self.endpoints}


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

    def retry(self, request_id: str) -> str:
        """Where a failed request is tried again."""
        return f"{self.base}/api/platform/requests/{request_id}/retry"

    def report(self, request_id: str) -> str:
        """What was found out about a request's data, and what was done with them."""
        return f"{self.base}/api/platform/requests/{request_id}/report"

    def report_page(self, request_id: str) -> str:
        """The same for people."""
        return f"{self.report(request_id)}?f=html"

    def download(self, request_id: str) -> str:
        """The data of a request as a file."""
        return f"{self.base}/api/platform/data/{request_id}/download"

    def exports(self, dataset_key: str) -> str:
        """The files that are made of a dataset."""
        return f"{self.base}/api/datasets/{dataset_key}/exports"

    def export(self, dataset_key: str, export_id: str) -> str:
        """How one of them stands."""
        return f"{self.exports(dataset_key)}/{export_id}"

    def dataset(self, offer: Offer) -> DatasetUrls:
        """The endpoints of a dataset."""
        if offer.shape is Shape.TABLE:
            own, first, api_type = self._tables(offer), "features", "ogc-features"
        elif offer.shape is Shape.COG:
            own, first, api_type = self._cog(offer.collection_id), "tilejson", "titiler"
        else:
            own, first, api_type = self._mosaic(offer), "tilejson", "titiler"
        download = self.download(offer.request_id)
        products = {name: f"{download}?f={name}" for name in offer.products}
        which = {} if offer.is_first else {"collection": offer.collection_id}
        files = {"download": _with_query(download, which)} if offer.has_file else {}
        if offer.has_tile_cache:
            files["tile_cache"] = _with_query(download, {"f": "pmtiles", **which})
        shared = {**self._stac(offer), **files, "map": f"{self.base}/?dataset={offer.collection_id}"}
        return DatasetUrls({**own, **shared, **products}, own[first], api_type, products)

    def _stac(self, offer: Offer) -> dict[str, str]:
        """A mosaic is a collection with many items; everything else is one item of a collection."""
        collection = f"{self.base}/api/stac/collections/{offer.stac_collection}"
        items = f"{collection}/items"
        if offer.shape is Shape.MOSAIC:
            return {"stac_collection": collection, "stac_items": items}
        return {"stac_item": f"{items}/{offer.collection_id}", "stac_collection": collection}

    def _tables(self, offer: Offer) -> dict[str, str]:
        """Those of the first table; `collection` has those of each."""
        download = self.download(offer.request_id)
        return {
            **self.collection(offer.collections[0]),
            "report": self.report_page(offer.request_id),
            **({"rejects": f"{download}?f=rejects"} if offer.has_rejects else {}),
            **{f"download_{each}": f"{download}?f={each}" for each in offer.exports},
        }

    def collection(self, collection_id: str) -> dict[str, str]:
        """The endpoints of one table of features."""
        features = f"{self.base}/api/ogc/features/collections/{collection_id}"
        tiles = f"{features}/tiles/{_MATRIX_SET}"
        return {
            "features": features,
            "items": f"{features}/items",
            "vector_tiles": f"{tiles}/{{z}}/{{x}}/{{y}}",
            "tilejson": f"{tiles}/tilejson.json",
        }

    def _cog(self, collection_id: str) -> dict[str, str]:
        cog, dataset = f"{self.base}/api/cog", f"?dataset={collection_id}"
        return {
            "info": f"{cog}/info{dataset}",
            "tiles": f"{cog}/tiles/{_MATRIX_SET}/{{z}}/{{x}}/{{y}}.png{dataset}",
            "tilejson": f"{cog}/{_MATRIX_SET}/tilejson.json{dataset}",
            "preview": f"{cog}/preview.png{dataset}",
            "point": f"{cog}/point/{{lon}},{{lat}}{dataset}",
            "legend": f"{cog}/legend.png{dataset}",
        }

    def _mosaic(self, offer: Offer) -> dict[str, str]:
        mosaic = f"{self.base}/api/mosaic/{offer.collection_id}"
        download = self.download(offer.request_id)
        return {
            "info": f"{mosaic}/info",
            "tiles": f"{mosaic}/tiles/{_MATRIX_SET}/{{z}}/{{x}}/{{y}}.png",
            "tilejson": f"{mosaic}/{_MATRIX_SET}/tilejson.json",
            **({"preview": f"{mosaic}/preview.png"} if offer.has_file else {}),
            "point": f"{mosaic}/point/{{lon}},{{lat}}",
            "legend": f"{mosaic}/legend.png",
            "mosaicjson": f"{mosaic}/mosaicjson",
            "assets": f"{mosaic}/{{z}}/{{x}}/{{y}}/assets",
            "part": f"{download}/{{name}}.tif",
            **({"scheme": f"{download}?f=scheme"} if offer.has_scheme else {}),
        }


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url
