"""How a COG is written: what the caller asked for, completed by what suits the tier and the pixels.

What was asked for and cannot be is refused; what nobody asked for is chosen, and said in a finding where
the choice is not the obvious one. Pure: nothing is read here.
"""

import math
from dataclasses import dataclass

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.raster import RasterClass, RasterDescription
from core.task_models.raster_cog import CogOptions, CogTier, Compression, Predictor, Resampling
from services.raster.findings import info
from services.raster.nodata import fits, same

_PICTURES = frozenset({RasterClass.RGB, RasterClass.RGBA})
_FOR_CLASSES = frozenset({Resampling.NEAREST, Resampling.MODE})
_PREDICTED = frozenset({Compression.DEFLATE, Compression.LZW, Compression.ZSTD})
_QUALITY = {Compression.JPEG: 85, Compression.WEBP: 85}
# Measured on pictures, elevations and classes: DEFLATE at its highest level is at most 2 % larger than ZSTD
# at 19 (smaller on bytes), and an archive is read by programs that nobody knows yet. LERC is smaller on
# floats, by a tenth, and few programs read it. ZSTD beyond 19 takes three times as long for nothing.
_ARCHIVE_LEVELS = {Compression.DEFLATE: 12, Compression.ZSTD: 19, Compression.LERC_ZSTD: 19}


@dataclass(frozen=True, slots=True)
class ResolvedOptions:
    """Every choice made.

    Attributes:
        level: of the compression, where it has one; None is GDAL's default.
        quality: 1 to 100, of lossy compressions.
        predictor: never AUTO.
        target_crs: None where the CRS stays (then `target_resolution` may still ask for another grid).
        nodata: the value that means no data in the pixels as they are written; None for none.
        alpha_to_mask: an alpha band becomes a mask: JPEG has no fourth band.
        nodata_to_mask: lossy pixels do not keep a nodata value; a mask does what it did.
    """

    compression: Compression
    level: int | None
    quality: int | None
    predictor: Predictor
    blocksize: int
    resampling: Resampling
    overview_resampling: Resampling
    target_crs: str | None
    target_resolution: float | None
    nodata: float | None
    alpha_to_mask: bool
    nodata_to_mask: bool
    build_overviews: bool
    generate_statistics: bool
    findings: tuple[Finding, ...] = ()

    @property
    def reprojects(self) -> bool:
        """Whether the pixels are resampled to another grid."""
        return self.target_crs is not None or self.target_resolution is not None

    @property
    def cog_nodata(self) -> float | None:
        """What the COG declares: nothing where a mask has taken over."""
        return None if self.nodata_to_mask else self.nodata

    @property
    def is_lossless(self) -> bool:
        """Whether the COG holds the very pixels that go into it."""
        return self.compression.is_lossless


def resolve(
    options: CogOptions, classification: RasterClass, description: RasterDescription
) -> ResolvedOptions:
    """Complete `options` for a raster of this class with this header.

    Raises:
        PermanentTaskError: OPTIONS_CONFLICT: two of the options, or an option and the raster, exclude
            each other. NODATA_CONFLICT: the pixel type cannot hold the nodata value.
    """
    compression, findings = _compression(options, classification, description)
    is_lossy = not compression.is_lossless
    nodata = _nodata(options, description)
    classes = is_categorical(classification, description)
    return ResolvedOptions(
        compression=compression,
        level=_ARCHIVE_LEVELS.get(compression) if options.cog_tier is CogTier.ARCHIVE else None,
        quality=_QUALITY.get(compression),
        predictor=_predictor(options, classification, description, compression),
        blocksize=options.blocksize,
        resampling=_resampled_by(
            options.resampling, Resampling.NEAREST if classes else Resampling.BILINEAR, classes=classes
        ),
        overview_resampling=_resampled_by(
            options.overview_resampling, Resampling.MODE if classes else Resampling.AVERAGE, classes=classes
        ),
        target_crs=_target_crs(options, description),
        target_resolution=options.target_resolution,
        nodata=nodata,
        alpha_to_mask=compression is Compression.JPEG and "alpha" in description.color_interpretation,
        nodata_to_mask=is_lossy and nodata is not None,
        build_overviews=options.build_overviews,
        generate_statistics=options.generate_statistics,
        findings=findings,
    )


def _compression(
    options: CogOptions, classification: RasterClass, description: RasterDescription
) -> tuple[Compression, tuple[Finding, ...]]:
    """The one asked for, if it can be; the tier's otherwise."""
    if options.compression is not None:
        _require_possible(options.compression, options.cog_tier, classification, description)
        return options.compression, ()
    if options.cog_tier is not CogTier.VISUALIZATION:
        return Compression.DEFLATE, ()
    why_not = _why_not_lossy(Compression.JPEG, classification, description)
    return (Compression.DEFLATE, (_kept_lossless(why_not),)) if why_not else (Compression.JPEG, ())


def _require_possible(
    compression: Compression, tier: CogTier, classification: RasterClass, description: RasterDescription
) -> None:
    if compression.is_lossless:
        return
    if tier is CogTier.ARCHIVE:
        raise _conflict(
            f"An archive keeps every bit, and {compression} does not.",
            "Leave out the compression, or ask for the tier visualization.",
        )
    if why_not := _why_not_lossy(compression, classification, description):
        raise _conflict(
            f"{compression} is not possible: {why_not}.",
            "Leave out the compression, or ask for a lossless one, such as DEFLATE or ZSTD.",
        )


def _why_not_lossy(
    compression: Compression, classification: RasterClass, description: RasterDescription
) -> str:
    """Empty when it is possible."""
    colors = description.color_interpretation
    if set(description.dtypes) != {"uint8"}:
        return f"the pixels are {description.dtypes[0]}, not bytes"
    if is_categorical(classification, description):
        return "the pixels are classes, and a lossy compression would invent others"
    shown = len(colors) - ("alpha" in colors)
    if compression is Compression.WEBP and shown != 3:
        return f"WEBP takes pictures of three colours, and this one has {shown} bands"
    if shown not in (1, 3) or (shown == 1 and classification not in _PICTURES | {RasterClass.CONTINUOUS}):
        return f"the {shown} bands are no picture"
    return ""


def is_categorical(classification: RasterClass, description: RasterDescription) -> bool:
    """Whether values between two of the values mean nothing."""
    return classification is RasterClass.CATEGORICAL or "palette" in description.color_interpretation


def _predictor(
    options: CogOptions,
    classification: RasterClass,
    description: RasterDescription,
    compression: Compression,
) -> Predictor:
    """Neighbouring measurements differ little; neighbouring classes are equal, or differ by anything."""
    is_float = np.dtype(description.dtypes[0]).kind == "f"
    asked = options.predictor
    if asked in (Predictor.HORIZONTAL, Predictor.FLOATING_POINT) and compression not in _PREDICTED:
        raise _conflict(f"{compression} has no predictor.", "Leave out the predictor.")
    if asked is Predictor.FLOATING_POINT and not is_float:
        raise _conflict(
            f"The predictor floating_point is not for {description.dtypes[0]}.", "Use horizontal, or auto."
        )
    if asked is not Predictor.AUTO:
        return asked
    if compression not in _PREDICTED or is_categorical(classification, description):
        return Predictor.NONE
    return Predictor.FLOATING_POINT if is_float else Predictor.HORIZONTAL


def _resampled_by(asked: Resampling | None, default: Resampling, *, classes: bool) -> Resampling:
    """Averages of classes would be classes that are not there; measurements average well."""
    if classes and asked is not None and asked not in _FOR_CLASSES:
        raise _conflict(
            f"The pixels are classes; {asked} would invent others.",
            "Use nearest or mode, or leave out the resampling.",
        )
    return asked or default


def _target_crs(options: CogOptions, description: RasterDescription) -> str | None:
    return options.target_crs if options.target_crs != description.crs else None


def _nodata(options: CogOptions, description: RasterDescription) -> float | None:
    """As asked, or as it was. Floats that are moved to another grid get NaN at its edges."""
    has = None if description.nodata is None else float(description.nodata)
    moves = _target_crs(options, description) is not None or options.target_resolution is not None
    wanted = options.target_nodata
    if wanted is None:
        needs_one = moves and has is None and "alpha" not in description.color_interpretation
        return math.nan if needs_one and np.dtype(description.dtypes[0]).kind == "f" else has
    if not fits(wanted, description.dtypes[0]):
        raise PermanentTaskError(
            f"Pixels of type {description.dtypes[0]} cannot hold the nodata value {wanted:g}.",
            code="NODATA_CONFLICT",
            remedy="Give a target_nodata in the range of the pixel type.",
            context={"target_nodata": str(wanted), "dtype": description.dtypes[0]},
        )
    if has is not None and not same(wanted, has) and not moves:
        raise _conflict(
            f"The raster has the nodata value {has:g}, and its pixels are kept as they are.",
            "Leave out target_nodata; if the file names a wrong value, correct it with `nodata`.",
        )
    return wanted


def _kept_lossless(why_not: str) -> Finding:
    return info("KEPT_LOSSLESS", f"The COG for visualization is compressed without loss: {why_not}.")


def _conflict(message: str, remedy: str) -> PermanentTaskError:
    return PermanentTaskError(message, code="OPTIONS_CONFLICT", remedy=remedy)
