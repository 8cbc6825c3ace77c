"""Names that can be told apart, of things that may share them."""


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
