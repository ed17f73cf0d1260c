"""Agents who are there again once the database is: all are announced, whatever goes wrong with one of them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.db import Tx
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import Presence
from qiatan.modules.routing.service.presence import LEASE
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_who_could_not_be_announced_keeps_nobody_else_waiting_and_is_announced_at_the_next_turn(
    doors: Doors, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given agents of three enterprises whose leases ran out while the database was away
    agents = [await factories.agent((await factories.tenant()).enterprise_id) for _ in range(3)]
    for agent in agents:
        await (await doors.agent_socket(agent)).settle()
    gateway: Gateway = doors.app.state.gateway
    announce, told, refused = service.announce_move, list[UUID](), list[UUID]()

    async def announced(tx: Tx, agent_id: UUID) -> Presence:
        if not refused:
            refused.append(agent_id)
            raise DatabaseUnavailable(retry_after=1)
        told.append(agent_id)
        return await announce(tx, agent_id)

    monkeypatch.setattr(service, "announce_move", announced)
    clock.advance(seconds=(LEASE + timedelta(seconds=1)).total_seconds())

    # when they are renewed, and one of them cannot be announced
    await gateway._presence.renew()
    at_first = set(told)
    await gateway._presence.renew()
    await gateway._presence.renew()

    # then the others are told at once, and that one with the next turn, each once
    assert at_first == {agent.id for agent in agents} - set(refused)
    assert (len(refused), sorted(told)) == (1, sorted(agent.id for agent in agents))
