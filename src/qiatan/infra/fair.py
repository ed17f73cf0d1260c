"""Waiting in turn: nobody waits behind a neighbour's crowd.

What waits is kept apart by whom it is of (an enterprise, mostly), first in, first out. When there is room, one of each is taken, and
one of each again: who has a thousand waiting gets on as fast as who has one, and no faster. What waits is bounded, of each and in all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from qiatan.infra import metrics
from qiatan.kit.errors import Busy

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """What waits. Inside a key the order is never changed."""

    def __init__(self, *, most: int, most_of_each: int) -> None:
        self._most, self._most_of_each = most, most_of_each
        self._waiting: OrderedDict[Hashable, deque[Item]] = OrderedDict()  # whose turn is next comes first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def of(self, key: Hashable) -> int:
        """How many wait of one key."""
        return len(self._waiting.get(key, ()))

    def add(self, key: Hashable, item: Item) -> bool:
        """Wait behind the others of this key. False when too many wait already."""
        line = self._waiting.get(key)
        if self._count >= self._most or (line is not None and len(line) >= self._most_of_each):
            return False
        if line is None:
            line = self._waiting[key] = deque()
        line.append(item)
        self._count += 1
        return True

    def take(self, count: int) -> list[tuple[Hashable, Item]]:
        """At most so many, one of each key in turn; who did not come to it this time comes first the next time."""
        taken: list[tuple[Hashable, Item]] = []
        while self._waiting and len(taken) < count:
            key, line = self._waiting.popitem(last=False)
            taken.append((key, line.popleft()))
            if line:
                self._waiting[key] = line
        self._count -= len(taken)
        return taken

    def take_one(self, may: dict[Hashable, int], limit: int) -> tuple[Hashable, Item] | None:
        """The next one in turn of those keys of which fewer than `limit` are counted in `may`."""
        for key, line in self._waiting.items():
            if may.get(key, 0) < limit:
                item = line.popleft()
                self._count -= 1
                del self._waiting[key]
                if line:
                    self._waiting[key] = line
                return key, item
        return None

    def drop(self, key: Hashable, item: Item) -> None:
        """It waits no more, if it still does."""
        line = self._waiting.get(key)
        if line is None or item not in line:
            return
        line.remove(item)
        self._count -= 1
        if not line:
            del self._waiting[key]


class Gate:
    """At most `places` inside at once, and at most `of_each` of one key; the others wait in turn, for `seconds` at most.

    `reserve` of the places are for those who enter as `reserved`: signing in must work while everything else waits.
    """

    def __init__(
        self, places: int, of_each: int, *, waiting: int, waiting_of_each: int, seconds: float, reserve: int = 0, name: str = "other"
    ) -> None:
        """`name`: by what its refusals are counted."""
        self._places, self._of_each, self._reserve = places, of_each, reserve
        self._seconds, self._name = seconds, name
        self._inside: dict[Hashable, int] = {}
        self._count = 0
        self._turns: Turns[asyncio.Future[None]] = Turns(most=waiting, most_of_each=waiting_of_each)
        self.refused = 0
        """How many were sent away since the start."""

    @property
    def inside(self) -> int:
        return self._count

    @property
    def waiting(self) -> int:
        return len(self._turns)

    @asynccontextmanager
    async def passing(self, key: Hashable, *, reserved: bool = False) -> AsyncIterator[None]:
        """Inside for as long as the block lasts. Raises as `enter`."""
        await self.enter(key, reserved=reserved)
        try:
            yield
        finally:
            self.leave(key)

    async def enter(self, key: Hashable, *, reserved: bool = False) -> None:
        """Come in, now or when it is this key's turn; `leave` has to follow.

        Raises:
            Busy: too many wait already, or the turn did not come in time. Nothing was begun.
        """
        room = self._count < self._places - (0 if reserved else self._reserve)
        if room and self._inside.get(key, 0) < self._of_each and not self._turns.of(key):
            self._admit(key)
            return
        if reserved and self._count < self._places and self._inside.get(key, 0) < self._of_each + self._reserve:
            # A crowd of an enterprise must not lock its own people out either.
            self._admit(key)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._turns.add(key, turn):
            raise self._refusal(retry_after=1)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave(key)  # the turn came in the very moment in which it was given up
            else:
                self._turns.drop(key, turn)
            if isinstance(error, TimeoutError):
                raise self._refusal(retry_after=2) from None
            raise

    def _refusal(self, *, retry_after: int) -> Busy:
        self.refused += 1
        metrics.TURNED_AWAY.add(self._name)
        return Busy(retry_after=retry_after)

    def leave(self, key: Hashable) -> None:
        """Go out; whose turn it is comes in."""
        left = self._inside[key] - 1
        if left:
            self._inside[key] = left
        else:
            del self._inside[key]
        self._count -= 1
        while self._count < self._places - self._reserve:
            following = self._turns.take_one(self._inside, self._of_each)
            if following is None:
                return
            if following[1].cancelled():
                continue  # its time is over, and who waited has not come to say so yet
            self._admit(following[0])
            following[1].set_result(None)

    def _admit(self, key: Hashable) -> None:
        self._inside[key] = self._inside.get(key, 0) + 1
        self._count += 1
