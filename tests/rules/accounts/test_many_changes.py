"""What open pages hear when many accounts change at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor, Scope, ScopeKind
from qiatan.kit.events import Event
from qiatan.modules.accounts import realtime
from qiatan.modules.accounts.events import AgentChanged, GroupChanged
from tests.support.transports import Recorder

HOUSE, ELSEWHERE = UUID(int=1), UUID(int=2)
NORTH, SOUTH, EAST = (UUID(int=number) for number in (11, 12, 13))


def _viewer(hub: Hub, scope: Scope, *, enterprise_id: UUID = HOUSE, agent_id: UUID | None = None) -> tuple[Connection, Recorder]:
    """Somebody who has the lists of accounts and groups open."""
    recorder = Recorder()
    connection = Connection(hub, recorder, "192.0.2.1")
    actor = AgentActor(enterprise_id, agent_id or uuid4(), uuid4(), frozenset({"agents.view"}), scope)
    connection.actor = actor
    hub.add(connection)
    hub.subscribe(connection, ("agent", actor.agent_id))
    hub.subscribe(connection, ("point:agents.view", enterprise_id))
    return connection, recorder


def _moved(count: int, *group_ids: UUID, first: UUID | None = None) -> list[AgentChanged]:
    """So many members leave or enter these groups."""
    ids = [first or uuid4(), *(uuid4() for _ in range(count - 1))]
    return [AgentChanged(enterprise_id=HOUSE, agent_id=agent_id, version=2, serving=True, group_ids=group_ids) for agent_id in ids]


async def _heard(hub: Hub, events: Sequence[Event], *recorders: Recorder) -> list[list[tuple[str, UUID, int]]]:
    realtime.publish(hub, events)
    await asyncio.sleep(0)
    return [[(frame["object"], UUID(frame["id"]), frame["version"]) for frame in one.frames] for one in recorders]


def _groups(*group_ids: UUID) -> Scope:
    return Scope(ScopeKind.GROUPS, frozenset(group_ids))


@pytest.mark.parametrize("count", [realtime.MANY_AGENTS + 1, 2_500])
async def test_many_changed_accounts_are_one_frame_about_their_group(count: int) -> None:
    hub = Hub()
    own = uuid4()
    (everybody, all_of_it), (member, hers) = _viewer(hub, Scope(ScopeKind.ALL)), _viewer(hub, Scope(ScopeKind.SELF), agent_id=own)
    _, foreign = _viewer(hub, Scope(ScopeKind.ALL), enterprise_id=ELSEWHERE)
    changed = GroupChanged(enterprise_id=HOUSE, group_id=NORTH, version=7)

    heard = await _heard(hub, [*_moved(count, NORTH, first=own), changed], all_of_it, hers, foreign)

    assert heard == [[("group", NORTH, 7)], [("me", own, 2), ("agent", own, 2)], []]
    assert (everybody.closed, member.closed) == (False, False)


async def test_who_sees_the_accounts_by_another_group_hears_of_that_one() -> None:
    hub = Hub()
    _, south = _viewer(hub, _groups(SOUTH, EAST))
    _, east = _viewer(hub, _groups(EAST))
    changed = GroupChanged(enterprise_id=HOUSE, group_id=NORTH, version=7)

    heard = await _heard(hub, [*_moved(200, NORTH, SOUTH), changed], south, east)

    assert heard == [[("group", SOUTH, 0)], []]


async def test_a_few_changed_accounts_are_told_one_by_one() -> None:
    hub = Hub()
    _, lead = _viewer(hub, _groups(NORTH))
    events = _moved(realtime.MANY_AGENTS, NORTH)

    (heard,) = await _heard(hub, events, lead)

    assert heard == [("agent", event.agent_id, 2) for event in events]
