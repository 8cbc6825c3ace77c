"""How a limit per host is shared out over worker processes."""

from pathlib import Path

import pytest

from tools.functions_host.assembly import share
from tools.functions_host.options import HostOptions, WorkerAssignment


def assignment(index: int, count: int) -> WorkerAssignment:
    options = HostOptions(root=Path("/"))
    return WorkerAssignment(options=options, index=index, count=count, listen_fd=3, ready_fd=4, parent_fd=5)


@pytest.mark.parametrize("total", [1, 2, 7, 16])
@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_the_shares_add_up(total: int, count: int) -> None:
    for ordinal in range(4):
        shares = [share(total, assignment(index, count), ordinal=ordinal) for index in range(count)]
        assert sum(shares) == total
        assert max(shares) - min(shares) <= 1


def test_single_calls_of_several_functions_go_to_different_workers() -> None:
    owners = [[share(1, assignment(index, 2), ordinal=ordinal) for index in range(2)] for ordinal in range(2)]
    assert owners == [[1, 0], [0, 1]]
