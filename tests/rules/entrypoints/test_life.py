"""The end of a serving process: who may hurry it, and how its seconds are shared."""

from __future__ import annotations

import asyncio
import json

from qiatan.entrypoints import control, supervisor
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.node import _SIGNAL, _SUPERVISOR
from qiatan.entrypoints.serve import END_SECONDS, GOODBYE_SECONDS, JOBS_SECONDS, REQUEST_SECONDS, RETIRE_SECONDS, Life


async def test_a_signal_to_all_and_the_supervisors_word_are_one_wish() -> None:
    life = Life()

    life.stop(_SIGNAL)
    life.stop(_SUPERVISOR)

    assert (life.stopping.is_set(), life.drain.hurried.is_set()) == (True, False)


async def test_who_asks_again_does_not_want_to_wait() -> None:
    for by in (_SIGNAL, _SUPERVISOR, "operator"):
        life = Life()
        life.stop(by)
        life.stop(by)
        assert life.drain.hurried.is_set()


async def test_a_stage_gets_what_the_earlier_ones_left_of_the_whole() -> None:
    drain = Drain()
    assert drain.left(3.0, least=1) == 3.0  # there is time

    drain.ends_at = asyncio.get_running_loop().time() + 7
    assert drain.left(3.0, least=1, keep=2) == 3.0
    drain.ends_at = asyncio.get_running_loop().time() + 2
    assert 1.5 < drain.left(3.0, least=1) <= 2.0
    drain.ends_at = asyncio.get_running_loop().time() - 60
    assert drain.left(3.0, least=1) == 1


def test_the_supervisor_waits_longer_than_its_nodes_need() -> None:
    waves, bus = 3.0, 6.0
    assert supervisor.STOP_SECONDS > END_SECONDS
    assert waves + REQUEST_SECONDS + GOODBYE_SECONDS + JOBS_SECONDS > END_SECONDS  # so they share it
    assert waves + RETIRE_SECONDS + GOODBYE_SECONDS + RETIRE_SECONDS + bus < supervisor.RETIRE_SECONDS


async def test_a_socket_that_was_lost_on_the_way_is_no_socket() -> None:
    ours, theirs = control.pair()
    heard: list[tuple[object, object]] = []
    both = asyncio.Event()
    channel = control.Channel(theirs)

    def hear(message: control.Message, handed: object) -> None:
        heard.append((message["say"], handed))
        if len(heard) == 2:
            both.set()

    channel.listen(hear, lambda: None)
    for say in (control.LEND, control.GIVE_BACK):
        ours.send(json.dumps({"say": say, "slot": 2}).encode() + b"\n")
    await asyncio.wait_for(both.wait(), 5)

    assert heard == [(control.LEND, None), (control.GIVE_BACK, None)]
    channel.close()
    ours.close()
