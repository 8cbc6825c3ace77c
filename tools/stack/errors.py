"""What can go wrong with a local stack, in words for the person at the terminal.

StackError
├── MissingProgram   something `./dev setup` installs is not there
├── PartCrashed      a part's process ended by itself
├── PartNotReady     a part runs but does not answer in time
└── CommandFailed    a helper command (initdb, a migration) ended with an error
"""


class StackError(Exception):
    """Base of all; `str()` is a sentence, `log_tail` the lines that explain it (may be empty)."""

    def __init__(self, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail
        if log_tail:
            self.add_note(log_tail)  # tracebacks show it, as those of tests do


class MissingProgram(StackError):
    """A program or package is not installed; `./dev setup` installs it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not installed; run ./dev setup")


class PartCrashed(StackError):
    """The process of part `name` ended although nobody stopped it."""

    def __init__(self, name: str, log_tail: str) -> None:
        super().__init__(f"{name} crashed", log_tail=log_tail)
        self.name = name


class PartNotReady(StackError):
    """The process of part `name` runs, but did not become ready in the time given."""

    def __init__(self, name: str, *, seconds: float, log_tail: str) -> None:
        super().__init__(f"{name} was not ready after {seconds:.0f} s", log_tail=log_tail)
        self.name = name


class CommandFailed(StackError):
    """A command that had to end well did not."""

    def __init__(self, what: str, *, exit_code: int, output: str) -> None:
        super().__init__(f"{what} failed (exit code {exit_code})", log_tail=output)
