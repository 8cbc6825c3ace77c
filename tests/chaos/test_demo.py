"""The demo completes whatever dies in the middle of it."""

import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from threading import Thread

import pytest

from tests.conftest import ROOT
from tools.cli.demo import Exhibit, examine, make_exhibits, submit
from tools.cli.demo_sources import make_sources
from tools.cli.platform_client import PlatformClient
from tools.cli.watching import watch_until_ended
from tools.stack.part import Part
from tools.stack.stack import Stack

_PATIENCE_SECONDS = 120.0


@pytest.mark.parametrize("name", ["broker", "postgres"])
def test_the_demo_completes_though_a_server_dies_in_the_middle(platform_stack: Stack, name: str) -> None:
    exhibits = _exhibits()
    with PlatformClient(platform_stack.public_base_url) as client:
        urls = _submit_all(exhibits, client=client, stack=platform_stack)
        _wait_until_half_way(urls, client=client)
        part = platform_stack.part(name)
        part.kill()
        _come_back(part, after_seconds=1)
        _assert_all_completes(exhibits, urls, client=client, stack=platform_stack)


def test_the_demo_waits_while_postgres_is_restarted(platform_stack: Stack) -> None:
    """In good order: clients are told to ask again, and the watching goes on through it."""
    exhibits = _exhibits()
    with PlatformClient(platform_stack.public_base_url) as client:
        urls = _submit_all(exhibits, client=client, stack=platform_stack)
        _wait_until_half_way(urls, client=client)
        postgres = platform_stack.part("postgres")
        postgres.stop()
        restart = Thread(target=_come_back, args=(postgres,), kwargs={"after_seconds": 2})
        restart.start()
        _assert_all_completes(exhibits, urls, client=client, stack=platform_stack)
        restart.join()


def _exhibits() -> list[Exhibit]:
    """The demo's, under a version that no test before has published."""
    # The files are made in a process of their own, as the demo is one: the vector handlers that other tests
    # have run in this one left pyogrio few drivers.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(make_sources, ROOT, ROOT / ".local" / "demo").result()
    version = uuid.uuid4().hex
    return [
        replace(exhibit, submission=replace(exhibit.submission, version_id=version))
        for exhibit in make_exhibits()
    ]


def _submit_all(exhibits: list[Exhibit], *, client: PlatformClient, stack: Stack) -> dict[str, str]:
    return {exhibit.submission.name: submit(exhibit, client=client, stack=stack) for exhibit in exhibits}


def _wait_until_half_way(urls: Mapping[str, str], *, client: PlatformClient) -> None:
    """Some work is being done, and some is left."""
    deadline = time.monotonic() + 30
    states: set[str] = set()
    while "processing" not in states:
        assert time.monotonic() < deadline, states
        states = {client.status(url).status for url in urls.values()}
    assert states != {"completed"}


def _come_back(part: Part, *, after_seconds: float) -> None:
    time.sleep(after_seconds)
    part.start()
    part.wait_ready()


def _assert_all_completes(
    exhibits: list[Exhibit], urls: Mapping[str, str], *, client: PlatformClient, stack: Stack
) -> None:
    ended = watch_until_ended(urls, client=client, stack=stack, patience_seconds=_PATIENCE_SECONDS)
    assert {name: (status.status, status.error) for name, status in ended.items()} == dict.fromkeys(
        urls, ("completed", "")
    )
    for exhibit in exhibits:
        assert examine(exhibit, ended[exhibit.submission.name], client=client)
    stack.raise_if_crashed()
