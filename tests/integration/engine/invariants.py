"""What must hold of the database whenever the engine is at rest."""

from tools.lab.invariants import broken_invariants


def assert_invariants(url: str) -> None:
    """Fail with the name of each invariant that is broken, and where."""
    assert broken_invariants(url) == {}
