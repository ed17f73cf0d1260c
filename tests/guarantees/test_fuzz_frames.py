"""Anything at all over sockets and polls, by every kind of client of two enterprises at once: never our fault, never a word of the other.

Few examples run by default; `FUZZ_EXAMPLES` asks for more, and then they differ from run to run.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from hypothesis import given, note
from hypothesis import strategies as st

from qiatan.entrypoints import polling
from qiatan.entrypoints.entrance import Hello
from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.routing.realtime import presence
from tests.guarantees.frame_houses import make_house
from tests.guarantees.frame_scripts import FRAMES, GOOD, drawn_script, fields_of
from tests.guarantees.frame_stage import Stage
from tests.support import fuzzing
from tests.support.canaries import CANARIES
from tests.support.doors import Doors
from tests.support.factories import Factories

EXAMPLES = 15


@pytest.fixture
async def stage(
    doors: Doors, database: Database, resources: Resources, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.0)
    made = Stage(doors, database, resources)
    await made.prepare(factories)
    yield made
    # Shown where more was asked for: that the depths are reached.
    print(made.outcomes.most_common())


@pytest.fixture
def gateway(app: FastAPI) -> Gateway:
    made: Gateway = app.state.gateway
    return made


def test_every_field_of_every_frame_has_values_to_draw_from() -> None:
    assert {name for frame in FRAMES for name in fields_of(frame)} <= GOOD.keys()


async def test_every_frame_of_the_gateway_is_drawn(gateway: Gateway) -> None:
    assert {*gateway.doors, Hello} == set(FRAMES)


async def test_the_mark_stands_in_no_word_of_the_program(doors: Doors, database: Database, factories: Factories) -> None:
    house = await make_house(1, doors, database, factories)

    shown = await doors.agent(house.world.tenant.admin).get(f"/conversations/{house.ended}")

    assert (shown.status_code, shown.json()["ended_by"]) == (200, "agent")
    assert CANARIES[1] in shown.text


@fuzzing.time_for(EXAMPLES, seconds_each=5)
@fuzzing.some(EXAMPLES)
@given(seed=st.integers(0, 2**64))
async def test_whatever_is_said_nobody_else_is_touched(stage: Stage, seed: int) -> None:
    script = drawn_script(seed)
    for number, group in enumerate(script):
        note(f"{number}: {group}")
    try:
        await stage.play(script)
    except BaseException:
        # It is played once more, and what fails then is what is reported: it must be the same, and not who was left from the first time.
        traceback.print_exc()
        for client in stage.clients.values():
            await client.leave()
        raise


async def test_refused_frames_leave_nothing_behind(stage: Stage) -> None:
    agent, visitor = (
        await stage.doors.agent_socket(stage.houses[0].world.server),
        await stage.doors.visitor_socket(stage.houses[0].guests["guest"].token),
    )

    lasting = asyncio.all_tasks()

    async def refuse(count: int) -> dict[str, int]:
        for _ in range(count):
            named = {"conversation_id": str(new_id()), "client_message_id": str(new_id())}
            for socket in (agent, visitor):
                await socket.send(type="withdraw", seq=1, **named)
                await socket.send(type="subscribe", topic="conversation", conversation_id=str(new_id()))
                await socket.send(type="read", seq=1, conversation_id=str(new_id()))
                await socket.send(type="send", kind="file", file_id=str(new_id()), **named)
            await agent.send(type="viewing", conversation_id=str(new_id()))
            await agent.send(type="edit", seq=1, text="a", **named)
            await agent.send(type="send", text="a", **named)
        for socket in (agent, visitor):
            await socket.settle()
            assert "ack" not in {frame["type"] for frame in socket.frames}
            socket.frames.clear()
        await stage.done(lasting)
        return stage.left() | {"limits": len(stage.resources.throttle._buckets)}

    assert await refuse(12) == await refuse(3)
