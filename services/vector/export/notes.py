"""What a format forces on the data, collected while a file is written."""

from dataclasses import dataclass, field

from core.task_models.vector_export import FormatNote

_MOST_NOTES = 200  # they travel with the file's description; a table may have a thousand columns
_MORE = "MORE_NOTES"


@dataclass(slots=True)
class Notes:
    """The differences of one file, each once; those of single values with the number of the values."""

    _said: dict[tuple[str, str | None], FormatNote] = field(default_factory=dict)
    _counted: dict[tuple[str, str | None], tuple[int, str]] = field(default_factory=dict)

    def say(self, code: str, message: str, *, column: str | None = None) -> None:
        """Note a difference of the whole file, or of a column."""
        self._said.setdefault((code, column), FormatNote(code=code, message=message, column=column))

    def count(self, code: str, number: int, message: str, *, column: str | None = None) -> None:
        """Note that `number` more values differ; `message` goes on after the number."""
        if number:
            before, _ = self._counted.get((code, column), (0, ""))
            self._counted[code, column] = (before + number, message)

    def all(self) -> tuple[FormatNote, ...]:
        """The notes so far: the first two hundred, and how many more there are."""
        counted = (
            FormatNote(code=code, message=f"{number} {message}", column=column)
            for (code, column), (number, message) in self._counted.items()
        )
        notes = (*self._said.values(), *counted)
        if len(notes) <= _MOST_NOTES:
            return notes
        rest = f"{len(notes) - _MOST_NOTES} more notes of the same kinds are left out."
        return (*notes[:_MOST_NOTES], FormatNote(code=_MORE, message=rest))
