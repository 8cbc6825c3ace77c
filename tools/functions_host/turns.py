"""A few turns shared by many lanes, last come first served."""

import asyncio


class Turns:
    """At most `count` holders at a time; of those who wait, the one that came last is next.

    The lane that worked last has the freshest connection, and those that are not needed stay at rest.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def resting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    async def take(self) -> bool:
        """Wait for a turn; False when dismissed instead."""
        if self._free > 0:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return await turn

    def give_back(self) -> None:
        """End a turn; the next one waiting gets it."""
        if self._waiting:
            self._waiting.pop().set_result(True)
        else:
            self._free += 1

    def dismiss_waiting(self) -> None:
        """Tell everyone who waits that no turn will come."""
        while self._waiting:
            self._waiting.pop().set_result(False)
