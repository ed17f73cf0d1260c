"""One asks for all; how long a failure speaks for the other side."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from qiatan.infra.attempts import PAUSE_SECONDS, Attempts, FailedLately

LATELY = "lately: down in the night"


class Away(Exception):
    """The other side does not answer."""


class NotAsked(Away):
    """Nobody has asked it."""


@dataclass
class Stage:
    """An other side that is away until it is told to be there."""

    now: float = 0
    asked: int = 0
    is_there: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    attempts: Attempts[str] = field(init=False)

    def __post_init__(self) -> None:
        self.attempts = Attempts(Away, but=NotAsked, now=lambda: self.now)
        self.go.set()

    async def ask(self) -> str:
        self.asked += 1
        await self.go.wait()
        if not self.is_there:
            raise Away("down in the night")
        return "here"

    async def come(self) -> str:
        try:
            return await self.attempts.get("key", self.ask)
        except Away:
            return "away"
        except FailedLately as error:
            return f"lately: {error}"


async def test_a_failure_of_hours_ago_refuses_nobody_and_all_share_the_new_attempt() -> None:
    stage = Stage()
    assert await stage.come() == "away"

    stage.now, stage.is_there = 9 * 3600, True

    assert await asyncio.gather(*(stage.come() for _ in range(100))) == ["here"] * 100
    assert stage.asked == 2


async def test_after_the_pause_one_tries_and_the_others_do_not_wait_for_it_however_long_it_takes() -> None:
    stage = Stage()
    assert await stage.come() == "away"
    stage.go.clear()

    # given one who tries as soon as it may be
    stage.now = PAUSE_SECONDS
    trying = asyncio.ensure_future(stage.come())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    # when others come while that lasts, then they are told at once, also when the failure has grown old meanwhile
    for now in (PAUSE_SECONDS, 2 * PAUSE_SECONDS, 9 * PAUSE_SECONDS):
        stage.now = now
        assert await stage.come() == LATELY
    stage.go.set()
    assert (await trying, stage.asked) == ("away", 2)

    # then its failure is a new one, with a pause of its own
    stage.now += PAUSE_SECONDS - 1
    assert await stage.come() == LATELY


@pytest.mark.parametrize(("later", "second"), [(PAUSE_SECONDS, LATELY), (2 * PAUSE_SECONDS - 1, LATELY), (2 * PAUSE_SECONDS, "here")])
async def test_a_failure_speaks_for_another_pause_after_its_own(later: float, second: str) -> None:
    stage = Stage()
    assert await stage.come() == "away"
    stage.is_there, stage.now = True, later

    assert list(await asyncio.gather(stage.come(), stage.come())) == ["here", second]
    assert stage.asked == 2
