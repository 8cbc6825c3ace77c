"""Collections: kept, or what counts of them taken out."""

import numpy as np
import shapely

from core.task_models.vector import CleaningOptions
from services.vector.cleaning.canonical import from_wkb, to_wkb
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.types import has_places
from services.vector.cleaning.validity import parts_of_dimension
from services.vector.cleaning.walk import COLLECTION


def extracted(sheet: Sheet, options: CleaningOptions) -> Sheet:
    """The sheet with multi geometries of the parts of the highest dimension for collections, if asked."""
    at = np.flatnonzero((sheet.layout.base == COLLECTION) & has_places(sheet.layout))
    if not at.size:
        return sheet
    if options.geometry_collection == "keep":
        sheet.ledger.count("geometry_collection", "kept", at.size)
        return sheet
    collections = from_wkb(sheet.layout.column.take(at))
    parts = parts_of_dimension(collections, shapely.get_dimensions(collections))
    sheet.ledger.count("geometry_collection", "extracted", at.size)
    return sheet.with_wkb(at, to_wkb(parts))
