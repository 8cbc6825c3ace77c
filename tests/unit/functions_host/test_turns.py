"""Turns: a few holders, last come first served."""

import asyncio

from tools.functions_host.turns import Turns


def test_the_last_to_wait_is_the_first_served() -> None:
    async def play() -> list[str]:
        turns, served = Turns(1), []

        async def wait(name: str) -> None:
            if await turns.take():
                served.append(name)
                turns.give_back()

        assert await turns.take()
        waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        assert turns.resting == 2
        turns.give_back()
        await asyncio.gather(*waiting)
        assert await turns.take()
        return served

    assert asyncio.run(play()) == ["second", "first"]


def test_dismissal() -> None:
    async def play() -> bool:
        turns = Turns(1)
        assert await turns.take()
        waiting = asyncio.create_task(turns.take())
        await asyncio.sleep(0)
        turns.dismiss_waiting()
        assert turns.resting == 0
        return await waiting

    assert asyncio.run(play()) is False
