"""Which layers of a file are meant."""

from collections.abc import Sequence

from core.errors import PermanentTaskError

MAX_LAYERS = 100
_LISTED = 50  # names shown in an error


def choose_layers(names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted ones of `names`, or all of them; in the order of the file.

    Raises:
        PermanentTaskError: LAYER_NOT_FOUND: it lists what there is; LAYER_LIMIT.
    """
    missing = [name for name in wanted if name not in names]
    if missing:
        raise _not_found(f"The source has no layer {missing[0]!r} with geometry.", names)
    if not names:
        raise _not_found("The source has no layer with geometry.", names)
    chosen = tuple(name for name in names if not wanted or name in wanted)
    if len(chosen) > MAX_LAYERS:
        raise PermanentTaskError(
            f"The source has {len(chosen)} layers; at most {MAX_LAYERS} are taken at a time.",
            code="LAYER_LIMIT",
            remedy="Name the layers to take in processing_config.layers.",
            context=_listed(names) | {"limit": MAX_LAYERS},
        )
    return chosen


def _not_found(message: str, names: Sequence[str]) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="LAYER_NOT_FOUND",
        remedy="Name layers listed in the context, or submit a file with at least one layer of features.",
        context=_listed(names),
    )


def _listed(names: Sequence[str]) -> dict[str, object]:
    return {"layers": list(names[:_LISTED]), "layer_count": len(names)}
