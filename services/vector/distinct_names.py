"""Names that can be told apart, of things that may share them."""

from core.task_models.finding import Finding
from services.vector.findings import info


def distinct(header: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once: `a`, `a_2`; `column_3` where there is none."""
    names: list[str] = []
    for number, name in enumerate(header, start=1):
        base = name or f"column_{number}"
        candidate, copy = base, 1
        while candidate in names or (candidate != name and candidate in header):
            copy += 1
            candidate = f"{base}_{copy}"
        names.append(candidate)
    return tuple(names)


def renaming_findings(header: tuple[str, ...], names: tuple[str, ...]) -> tuple[Finding, ...]:
    """What is to be said of names that had to change to be told apart."""
    changed = {new: old for old, new in zip(header, names, strict=True) if old != new}
    if not changed:
        return ()
    message = "Some columns have no name, or the name of another one; they were given names of their own."
    return (info("COLUMNS_RENAMED", message, names=changed),)
