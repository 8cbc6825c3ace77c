"""What the person at the terminal sees."""

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from tools.stack.errors import StackError

console = Console(highlight=False)


def show_failure(failure: StackError) -> None:
    """The sentence, and the lines of the log that explain it."""
    console.print(f"[bold red]{escape(str(failure))}[/]", soft_wrap=True)
    if failure.log_tail:
        console.rule("end of its log", style="red")
        console.print(Text(failure.log_tail), soft_wrap=True)
        console.rule(style="red")


def duration(seconds: float) -> str:
    """Short: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
