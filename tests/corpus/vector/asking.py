"""What the Platform makes of the options of a case."""

from typing import Any

from geo_platform.vector_processing import VectorProcessing, cleaning_of, reading_of, tables_of
from tests.corpus.vector.case import Case


def asked(case: Case) -> dict[str, Any]:
    """Parameters of `ingest_vector`, without the source."""
    options = VectorProcessing.model_validate(case.options).model_dump(mode="json")
    return {
        "target_crs": options["target_crs"],
        "reading": reading_of(options, extra_formats=case.extra_formats),
        "cleaning": cleaning_of(options),
        "tables": tables_of(options),
        "max_failed_fraction": options["max_failed_fraction"],
    }
