"""Rasters and mosaics as the page shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.task_models.raster import BandStatistics, LegendEntry
from triggers.reporting import charts, figures
from triggers.reporting.quality import ReportedRaster

Fact = tuple[str, str]
_CRS_LENGTH = 200
_PROOFS = {
    "source": "Every pixel was read back from the result and equals that of the source.",
    "warped": "Every pixel was read back from the result and equals that of the reprojection.",
    "none": "The compression loses: every block could be decoded, and pixels differ from the source.",
}


@dataclass(frozen=True, slots=True)
class BandView:
    """A band; `facts` are its statistics."""

    title: str
    facts: tuple[Fact, ...]
    histogram: charts.Histogram | None


@dataclass(frozen=True, slots=True)
class ProofView:
    """Whether the pixels are those of the source, and how that is known."""

    is_equal: bool | None
    text: str
    algorithm: str
    checksums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassView:
    """A class of the legend; the colour as CSS writes it."""

    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class RasterView:
    """A raster, in words and charts; `title` is empty for the only one."""

    title: str
    facts: tuple[Fact, ...]
    bands: tuple[BandView, ...]
    proof: ProofView | None
    classes: tuple[ClassView, ...]


def raster_views(rasters: Sequence[ReportedRaster]) -> tuple[RasterView, ...]:
    """What is known of the raster, or of each of several mosaics."""
    if len(rasters) == 1:
        return (_view(rasters[0], title=""),)
    return tuple(_view(each, title=f"Mosaic {number}") for number, each in enumerate(rasters, start=1))


def _view(raster: ReportedRaster, *, title: str) -> RasterView:
    return RasterView(
        title=title,
        facts=tuple(_facts(raster)),
        bands=tuple(_bands(raster)),
        proof=_proof(raster),
        classes=tuple(map(_class, raster.rendering.legend if raster.rendering else ())),
    )


def _facts(raster: ReportedRaster) -> Iterator[Fact]:
    yield "Size", f"{figures.whole(raster.width)} × {figures.whole(raster.height)} pixels"
    yield "Bands", f"{raster.band_count}, {', '.join(dict.fromkeys(raster.dtypes))}"
    if raster.classification:
        yield "Class", raster.classification
    yield "CRS", figures.cut(raster.crs, length=_CRS_LENGTH)
    if raster.resolution:
        yield "Pixel size", " × ".join(map(figures.decimal, raster.resolution))
    yield "No data", "none" if raster.nodata is None else figures.value(raster.nodata)
    if raster.part_count:
        yield "Parts", figures.whole(raster.part_count)
    if raster.compression:
        yield "Compression", f"{raster.compression}, blocks of {raster.blocksize} pixels"
    if raster.overviews:
        yield "Overviews", ", ".join(map(str, raster.overviews))
    if size := raster.size_bytes or raster.total_bytes:
        yield "Size of the files" if raster.part_count else "Size of the file", figures.size(size)
    if raster.sha256:
        yield "SHA-256", raster.sha256


def _bands(raster: ReportedRaster) -> Iterator[BandView]:
    for number, statistics in enumerate(raster.statistics, start=1):
        name = next(iter(raster.descriptions[number - 1 : number]), None)
        colour = next(iter(raster.color_interpretation[number - 1 : number]), "")
        told = name or (colour if colour not in ("gray", "undefined") else "")
        yield BandView(
            title=f"Band {number}: {told}" if told else f"Band {number}",
            facts=tuple(_statistics(statistics)),
            histogram=_histogram(statistics),
        )


def _statistics(statistics: BandStatistics) -> Iterator[Fact]:
    yield "Valid", f"{figures.decimal(round(statistics.valid_percent, 3))} %"
    for label, number in (
        ("Minimum", statistics.min),
        ("Maximum", statistics.max),
        ("Mean", statistics.mean),
        ("Standard deviation", statistics.stddev),
    ):
        if number is not None:
            yield label, figures.decimal(number)
    if statistics.percentiles:
        low, high = map(figures.decimal, statistics.percentiles)
        yield "2 % … 98 %", f"{low} … {high}"


def _histogram(statistics: BandStatistics) -> charts.Histogram | None:
    if (found := statistics.histogram) is None:
        return None
    first, last = figures.decimal(found.min), figures.decimal(found.max)
    return charts.histogram(found.buckets, first=first, last=last)


def _proof(raster: ReportedRaster) -> ProofView | None:
    if (proof := raster.proof) is None:
        return None
    text = _PROOFS[proof.compared_with]
    if proof.equal is False:
        text = "The pixels that were read back differ from those that were written."
    return ProofView(proof.equal, text, proof.algorithm, proof.checksums)


def _class(entry: LegendEntry) -> ClassView:
    red, green, blue, alpha = entry.color
    return ClassView(
        entry.label or figures.decimal(entry.value), f"rgb({red} {green} {blue} / {alpha / 255:.2f})"
    )
