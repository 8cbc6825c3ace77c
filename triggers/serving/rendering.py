"""The default look of rasters: how tiles, previews and parts are drawn when the client does not say.

Each parameter of the client takes the place of its part of the default. `bidx`, `expression`, `algorithm` and
`colormap` give the values another meaning, so that nothing of the default is left but the resampling. Formats
that carry values come as they are.
"""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, Query
from rio_tiler.colormap import cmap
from rio_tiler.types import ColorMapType
from starlette.requests import Request
from titiler.core.dependencies import BidxExprParams, ColorMapParams, DatasetParams, ImageRenderingParams

from core.task_models.raster import RGBA, Rendering
from triggers.serving.datasets import PublishedDataset
from triggers.serving.inline import inline
from triggers.serving.stretch import stretch

_PICTURES = re.compile(r"/(?:tiles/[^/]+/\d+/\d+/\d+|preview|bbox|feature)\b")
_VALUE_FORMATS = {"tif", "tiff", "npy", "npz", "raw"}
_OTHER_VALUES = {"bidx", "expression", "algorithm", "colormap"}
_TRANSPARENT = (0, 0, 0, 0)


def raster_of(request: Request) -> PublishedDataset:
    """The dataset that the first dependency of the route has found."""
    found: PublishedDataset = request.state.raster
    return found


def look_of(dataset: PublishedDataset) -> Rendering:
    """The default look; of datasets that were published before there were any, what they are shown by."""
    if dataset.rendering is not None:
        return dataset.rendering
    known = dataset.data_characteristics
    bands = (1, 2, 3) if known.get("band_count", 1) >= 3 else (1,)
    limits = stretch(known, list(bands))
    return Rendering(bidx=bands, rescale=tuple(limits) if limits else None)


def is_picture(request: Request) -> bool:
    """Whether the answer is to be looked at."""
    is_image = _PICTURES.search(request.scope["path"]) is not None
    return is_image and str(request.path_params.get("format", "png")) not in _VALUE_FORMATS


async def layers(
    request: Request, params: Annotated[BidxExprParams, Depends(inline(BidxExprParams))]
) -> BidxExprParams:
    """The bands: the client's, or those of the default."""
    look = _default_look(request)
    return replace(params, indexes=list(look.bidx)) if look else params


async def resampling(
    request: Request, params: Annotated[DatasetParams, Depends(inline(DatasetParams))]
) -> DatasetParams:
    """How pixels become pixels: the client's way, or for pictures the default one."""
    rendering = raster_of(request).rendering
    if rendering is None or not is_picture(request):
        return params
    return replace(
        params,
        resampling_method=params.resampling_method or rendering.resampling,
        reproject_method=params.reproject_method or rendering.resampling,
    )


async def colors(
    request: Request, chosen: Annotated[Any, Depends(inline(ColorMapParams))]
) -> ColorMapType | None:
    """The colours of a single band: the client's, or the default ones."""
    look = _default_look(request)
    if chosen or look is None or "color_formula" in request.query_params:
        return chosen or None
    if look.colormap is not None:
        return None if "rescale" in request.query_params else _as_table(look.colormap, raster_of(request))
    named: ColorMapType | None = cmap.get(look.colormap_name) if look.colormap_name else None
    return named


async def stretching(
    request: Request,
    params: Annotated[ImageRenderingParams, Depends(inline(ImageRenderingParams))],
    bidx: Annotated[list[int] | None, Query()] = None,
) -> ImageRenderingParams:
    """The values that become dark and bright: the client's, the default ones, or the extremes of the bands.

    Without any, a picture of an elevation raster would map the whole range of its type, and be black.
    """
    raster, chosen = raster_of(request), set(request.query_params)
    if not is_picture(request) or {"rescale", "expression", "colormap", "algorithm"} & chosen:
        return params
    if look := _default_look(request):
        params.rescale = [tuple(pair) for pair in look.rescale or ()] or None
    else:
        params.rescale = stretch(raster.data_characteristics, bidx)
    return params


def _default_look(request: Request) -> Rendering | None:
    """The default, if the answer is a picture of the values that it was made for."""
    if not is_picture(request) or _OTHER_VALUES & set(request.query_params):
        return None
    return raster_of(request).rendering


def _as_table(colormap: dict[int, RGBA], raster: PublishedDataset) -> dict[int, RGBA]:
    """The colours of classes; of bytes for every value, so that they are looked up and not searched."""
    dtypes = raster.data_characteristics.get("dtypes") or ("",)
    if dtypes[0] != "uint8" or not set(colormap) <= set(range(256)):
        return colormap
    return {value: colormap.get(value, _TRANSPARENT) for value in range(256)}
