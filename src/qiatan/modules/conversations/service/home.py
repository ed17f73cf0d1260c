"""The start page: one's own day, and today's leaderboard within one's scope (F24)."""

from __future__ import annotations

from datetime import UTC, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.contracts import MAX_LEADERS, Home, Leader, MyDay
from qiatan.modules.conversations.permissions import SERVE, TAKE
from qiatan.modules.conversations.repository.home import HomeRepository, Tally
from qiatan.modules.conversations.service.finding import sight_of


async def home(tx: Tx, actor: AgentActor) -> Home:
    """The numbers of today, which begins at midnight where the enterprise is.

    Who sees no colleagues is alone on the leaderboard; everybody finds themselves on it, also behind its end.
    """
    require(actor, SERVE)
    zone = ZoneInfo((await accounts.get_enterprise(tx)).timezone)
    day = tx.now.astimezone(zone).date()
    since = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    repository = HomeRepository(tx, actor.enterprise_id)
    tallies = await repository.tallies(await sight_of(tx, actor), since)
    own = next((tally for tally in tallies if tally.agent_id == actor.agent_id), None)
    open_now, unanswered = await repository.open_of(actor.agent_id)
    mine = MyDay(
        open=open_now,
        unanswered=unanswered,
        queue=await repository.waiting() if actor.may(TAKE) else None,
        ended=await repository.ended_of(actor.agent_id, since),
        first_answer_seconds=own.mean if own else None,
        evaluated=own.evaluated if own else 0,
        good=own.good if own else 0,
    )
    return Home(day=day, at=tx.now, mine=mine, leaders=await _leaders(tx, _shown(tallies, own)))


async def answered_once(tx: Tx) -> bool:
    """Whether anybody of the enterprise has ever answered a customer."""
    return await HomeRepository(tx, tx.enterprise_id).answered_once()


def _shown(tallies: list[Tally], own: Tally | None) -> list[Tally]:
    first = tallies[:MAX_LEADERS]
    return first if own is None or own in first else [*first[:-1], own]


async def _leaders(tx: Tx, tallies: list[Tally]) -> list[Leader]:
    names: dict[UUID, str] = await accounts.agent_names(tx, {tally.agent_id for tally in tallies})
    return [
        Leader(
            agent_id=tally.agent_id,
            name=names[tally.agent_id],
            conversations=tally.conversations,
            messages=tally.messages,
            first_answer_seconds=tally.median,
            evaluated=tally.evaluated,
            good=tally.good,
        )
        for tally in tallies
        if tally.agent_id in names
    ]
