"""Python and `sql/queries/` agree: every name asked for exists, and every one that exists is asked for."""

from pathlib import Path

import pytest

from _paths import ROOT
from infrastructure.queries import load
from tests.unit.house import named_queries
from tests.unit.house.source import place

TOPICS = sorted(path.stem for path in (ROOT / "sql" / "queries").glob("*.sql"))


def test_every_statement_that_is_asked_for_exists() -> None:
    unknown = [
        f"{place(use.path, use.line_number)} {use.topic}.{use.statement}"
        for use in named_queries.product_uses()
        if use.topic not in TOPICS or use.statement not in load(use.topic)
    ]
    assert unknown == []


@pytest.mark.parametrize("topic", TOPICS)
def test_every_statement_is_asked_for(topic: str) -> None:
    used = {use.statement for use in named_queries.product_uses() if use.topic == topic}
    assert set(load(topic)) - used - named_queries.mentioned(topic) == set()


def test_uses_are_found_however_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_queries, "ROOT", tmp_path)
    holder, reader = tmp_path / "holder.py", tmp_path / "reader.py"
    holder.write_text(
        """
_SQL = load("topic")
class Repository:
    def direct(self):
        return self.run(_SQL["direct"])
    def through(self, dry):
        return self._row("through") or _twice(1, "if" if dry else "else")
    def ask(self, question):
        return self._row(question)
    def _row(self, name, **values):
        return self.run(_SQL[name])
def _twice(times, name):
    return Repository()._row(name)
"""
    )
    reader.write_text("import holder\nholder.Repository().ask('public')\nother._row('of another')\n")
    found = {use.statement for use in named_queries.uses([holder, reader])}
    assert found == {"direct", "through", "if", "else", "public"}
