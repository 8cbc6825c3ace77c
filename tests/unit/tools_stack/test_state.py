"""What a stack remembers between two commands."""

import socket
from pathlib import Path

from tools.stack.credentials import Credentials
from tools.stack.ports import PortBook, answers, is_free
from tools.stack.state import StateDirectory, log_tail


def test_ports_are_remembered_and_differ(tmp_path: Path) -> None:
    book = PortBook(StateDirectory(tmp_path))
    ports = [book.port(f"part{number}") for number in range(20)]
    again = PortBook(StateDirectory(tmp_path))
    assert [again.port(f"part{number}") for number in range(20)] == ports
    assert len(set(ports)) == 20


def test_a_port_taken_by_somebody_else_is_replaced_at_the_start(tmp_path: Path) -> None:
    book = PortBook(StateDirectory(tmp_path))
    port = book.port("part")
    assert book.claim("part") == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert answers(port)
        other = book.claim("part")
        assert other != port
    assert book.port("part") == other


def test_secrets_are_made_once_and_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    password = Credentials(StateDirectory(tmp_path)).password("role")
    assert Credentials(StateDirectory(tmp_path)).password("role") == password
    assert Credentials(StateDirectory(tmp_path)).password("other") != password
    assert [oct(path.stat().st_mode)[-3:] for path in tmp_path.iterdir()] == ["600"]


def test_a_record_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert StateDirectory(tmp_path).read("nothing.json") == {}


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number} {'.' * 100}\n" for number in range(10000)))
    assert [line.split()[1] for line in log_tail(log, lines=3).splitlines()] == ["9997", "9998", "9999"]
    assert log_tail(tmp_path / "missing.log") == ""


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with state.log_file("part").open("wb") as log:
        log.truncate(30 * 2**20)
    state.rotate_log("part")
    assert not state.log_file("part").exists()
    assert (tmp_path / "logs" / "part.log.1").stat().st_size == 30 * 2**20
