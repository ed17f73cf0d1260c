"""When agents were online (考勤): one line an agent and day, in the enterprise's time zone."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.kit.calendar_file import FIRST_DAY, LAST_DAY
from qiatan.kit.errors import InvalidInput, NotFound
from qiatan.modules.accounts import service as accounts
from qiatan.modules.routing import permissions
from qiatan.modules.routing.contracts import Attendance, AttendanceDay
from qiatan.modules.routing.repository.spans import DaySpent, SpanRepository
from qiatan.modules.routing.rules.attendance import days_of

MAX_DAYS = 31
DEFAULT_DAYS = 7
MAX_ITEMS = 20_000


async def attendance(tx: Tx, actor: AgentActor, *, since: date | None, until: date | None, agent_id: UUID | None) -> Attendance:
    """The days from `since` to `until`, both included; without them the seven days up to today.

    Raises:
        NotAllowed
        NotFound: the agent asked for lies outside the actor's scope.
        InvalidInput: the days go backward, are more than 31, or hold too much to be shown at once.
    """
    require(actor, permissions.ATTENDANCE)
    zone = ZoneInfo((await accounts.get_enterprise(tx)).timezone)
    until = until or max(tx.now.astimezone(zone).date(), since or FIRST_DAY)
    since = since or max(until, FIRST_DAY) - timedelta(days=DEFAULT_DAYS - 1)
    if not (since >= FIRST_DAY and until <= LAST_DAY):
        raise InvalidInput.of("from", "invalid", "Ask for days of this century.")
    if since > until:
        raise InvalidInput.of("from", "order", "The first day comes before the last one.")
    if (until - since).days >= MAX_DAYS:
        raise InvalidInput.of("from", "too_long", f"Ask for at most {MAX_DAYS} days at once.")
    agents = await _asked(tx, actor, agent_id)
    days = list(days_of(since, until, zone))
    spent = await SpanRepository(tx, actor.enterprise_id).days(days, agents, now=tx.now, limit=MAX_ITEMS + 1)
    if len(spent) > MAX_ITEMS:
        raise InvalidInput.of("from", "too_many", "This is more than can be shown at once. Ask for fewer days, or for one agent.")
    names = await accounts.agent_names(tx, {found.agent_id for found in spent})
    shown = [_shown(found, names.get(found.agent_id, "")) for found in spent]
    return Attendance(items=sorted(shown, key=lambda item: (-item.day.toordinal(), item.name, item.agent_id)))


async def _asked(tx: Tx, actor: AgentActor, agent_id: UUID | None) -> set[UUID] | None:
    """Whose days are read; None: everybody's."""
    visible: set[UUID] | None = {actor.agent_id}
    if actor.scope.kind is ScopeKind.ALL:
        visible = None
    elif actor.scope.kind is ScopeKind.GROUPS:
        visible = {actor.agent_id, *await accounts.member_ids(tx, actor.scope.group_ids)}
    if agent_id is None:
        return visible
    if visible is not None and agent_id not in visible:
        raise NotFound
    if not await accounts.agent_names(tx, {agent_id}):
        raise NotFound
    return {agent_id}


def _shown(spent: DaySpent, name: str) -> AttendanceDay:
    return AttendanceDay(
        agent_id=spent.agent_id,
        name=name,
        day=spent.day,
        first_seen_at=spent.first,
        last_seen_at=spent.last,
        online_seconds=spent.online,
        away_seconds=spent.away,
        busy_seconds=spent.busy,
    )
