"""Which layer of a file is meant."""

from collections.abc import Sequence

from core.errors import PermanentTaskError

_LISTED = 50  # names shown in an error


def choose_layer(names: Sequence[str], wanted: str | None) -> str:
    """The wanted layer, or the only one.

    Raises:
        PermanentTaskError: LAYER_NOT_FOUND, or AMBIGUOUS_LAYER when none is named and there are several;
            both list what there is.
    """
    listed = {"layers": list(names[:_LISTED]), "layer_count": len(names)}
    if wanted is not None:
        if wanted in names:
            return wanted
        raise PermanentTaskError(
            f"The source has no layer {wanted!r} with geometry.",
            code="LAYER_NOT_FOUND",
            remedy="Name one of the layers listed in the context.",
            context=listed,
        )
    if not names:
        raise PermanentTaskError(
            "The source has no layer with geometry.",
            code="LAYER_NOT_FOUND",
            remedy="Submit a file with at least one layer of features.",
            context=listed,
        )
    if len(names) > 1:
        raise PermanentTaskError(
            "The source has several layers and none was named.",
            code="AMBIGUOUS_LAYER",
            remedy="Name one of the layers listed in the context.",
            context=listed,
        )
    return names[0]
