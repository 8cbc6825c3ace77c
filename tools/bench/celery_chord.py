"""`./dev bench celery_chord`: the engine beside Celery chords with Redis, and nothing else."""

from collections.abc import Sequence

from tools.bench import engine


def main(arguments: Sequence[str]) -> int:
    """As `./dev bench engine --only celery`."""
    return engine.main(["--only", "celery", *arguments])
