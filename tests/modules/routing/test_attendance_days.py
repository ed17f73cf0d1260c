"""What the database counts of times online is what going through them one by one would count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.routing.repository.spans import DaySpent, SpanRepository
from qiatan.modules.routing.rules.attendance import Day, days_of
from tests.support.factories import Factories

FIRST, LAST = date(2026, 10, 23), date(2026, 10, 27)
NOW = datetime(2026, 10, 27, 15, 30, tzinfo=UTC)
STATUSES = ("online", "away", "busy")


@dataclass(frozen=True)
class Stay:
    """`lease`: the span is open, and this is until when its agent is known to be there."""

    agent: UUID
    status: str
    begins: datetime
    ends: datetime | None
    lease: datetime | None = None


def some_stays(agents: Sequence[UUID], chance: Random) -> Iterator[Stay]:
    """Of each agent: stays one after the other, with gaps and without, and one that goes on, went on until lately, or nothing."""
    for number, agent in enumerate(agents):
        at = datetime(2026, 10, 21, tzinfo=UTC) + timedelta(minutes=chance.randrange(2_000))
        while at < NOW - timedelta(hours=30):
            until = at + timedelta(seconds=chance.choice([1, 59, 3_600, 20_000, 90_000]) + chance.random())
            yield Stay(agent, chance.choice(STATUSES), at, until)
            at = until + timedelta(seconds=chance.choice([0, 0, 100, 40_000]))
        lease = (NOW + timedelta(seconds=40), NOW, NOW - timedelta(hours=2), None)[number % 4]
        if at < NOW and lease is not None:
            yield Stay(agent, chance.choice(STATUSES), at, None, lease)


def counted(stays: Sequence[Stay], days: Sequence[Day]) -> dict[tuple[date, UUID], DaySpent]:
    found: dict[tuple[date, UUID], list[tuple[str, datetime, datetime, bool]]] = {}
    for stay in stays:
        ends = stay.ends or min(NOW, stay.lease or stay.begins)
        for day in days:
            begin, end = max(stay.begins, day.begins), min(ends, day.ends)
            if begin < end:
                running = stay.lease is not None and stay.lease > NOW and ends <= day.ends
                found.setdefault((day.name, stay.agent), []).append((stay.status, begin, end, running))
    return {
        (day, agent): DaySpent(
            day,
            agent,
            min(begin for _, begin, _, _ in pieces),
            None if any(running for *_, running in pieces) else max(end for _, _, end, _ in pieces),
            *(
                int(sum((end - begin for one, begin, end, _ in pieces if one == status), timedelta()).total_seconds())
                for status in STATUSES
            ),
        )
        for (day, agent), pieces in found.items()
    }


async def note(database: Database, enterprise_id: UUID, stays: Sequence[Stay]) -> None:
    async with database.system() as tx:
        for stay in stays:
            values: dict[str, Any] = {
                "e": enterprise_id,
                "a": stay.agent,
                "s": stay.status,
                "b": stay.begins,
                "u": stay.ends,
                "l": stay.lease,
            }
            span = "INSERT INTO presence_spans (enterprise_id, id, agent_id, status, started_at, ended_at) VALUES (:e, :id, :a, :s, :b, :u)"
            await tx.session.execute(text(span), values | {"id": new_id()})
            if stay.lease is not None:
                lease = "INSERT INTO agent_presence (enterprise_id, agent_id, status, lease_until) VALUES (:e, :a, :s, :l)"
                await tx.session.execute(text(lease), values)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo"])
async def test_the_database_counts_as_one_by_one(database: Database, factories: Factories, zone: str) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    agents = [(await factories.agent(tenant.enterprise_id, name=f"Agent {number}")).id for number in range(6)]
    stays = list(some_stays(agents, Random(zone)))
    await note(database, tenant.enterprise_id, stays)
    await note(database, other.enterprise_id, list(some_stays([other.admin.id], Random(1))))
    days = list(days_of(FIRST, LAST, ZoneInfo(zone)))

    async with database.tenant(tenant.enterprise_id) as tx:
        repository = SpanRepository(tx, tenant.enterprise_id)
        everybody = await repository.days(days, None, now=NOW, limit=1_000)
        two = await repository.days(days, set(agents[:2]), now=NOW, limit=1_000)
        newest = await repository.days(days, None, now=NOW, limit=3)

    expected = counted(stays, days)
    assert {(found.day, found.agent_id): found for found in everybody} == expected
    assert {(found.day, found.agent_id): found for found in two} == {key: day for key, day in expected.items() if key[1] in agents[:2]}
    assert newest == everybody[:3]
    # the stays of this chance hold what is to be told apart
    assert {found.last is None for found in everybody} == {True, False}
    assert {found.day for found in everybody} == {day.name for day in days}
