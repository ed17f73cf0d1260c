"""When agents were online (考勤): one line an agent and day, in the enterprise's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.kit.calendar_file import FIRST_DAY, LAST_DAY
from qiatan.kit.errors import InvalidInput, NotFound
from qiatan.modules.accounts import service as accounts
from qiatan.modules.routing import permissions
from qiatan.modules.routing.contracts import Attendance, AttendanceDay, PresenceStatus
from qiatan.modules.routing.repository.spans import MAX_READ, SpanRecord, SpanRepository
from qiatan.modules.routing.rules.attendance import DayTotals, Stay, by_day

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
    start = datetime.combine(since, time(), tzinfo=zone).astimezone(UTC)
    end = datetime.combine(until, time(), tzinfo=zone).astimezone(UTC) + timedelta(hours=27)
    spans = await SpanRepository(tx, actor.enterprise_id).between(start, end, agents)
    days = by_day([stay for span in spans if (stay := _stay(span, tx.now))], zone, first=since, last=until)
    if len(spans) >= MAX_READ or len(days) > MAX_ITEMS:
        raise InvalidInput.of("from", "too_many", "This is more than can be shown at once. Ask for fewer days, or for one agent.")
    names = await accounts.agent_names(tx, {found for _, found in days})
    shown = [_shown(agent, names.get(agent, ""), day, totals) for (day, agent), totals in days.items()]
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


def _stay(span: SpanRecord, now: datetime) -> Stay | None:
    """A span as far as it goes by now: an open one ends with its lease at the latest."""
    if span.ended_at is not None:
        return Stay(span.agent_id, span.status, span.started_at, span.ended_at)
    lease = span.lease_until or span.started_at
    until = min(now, lease)
    return Stay(span.agent_id, span.status, span.started_at, until, running=lease > now) if until > span.started_at else None


def _shown(agent_id: UUID, name: str, day: date, totals: DayTotals) -> AttendanceDay:
    return AttendanceDay(
        agent_id=agent_id,
        name=name,
        day=day,
        first_seen_at=totals.first,
        last_seen_at=totals.last,
        online_seconds=totals.seconds(PresenceStatus.ONLINE),
        away_seconds=totals.seconds(PresenceStatus.AWAY),
        busy_seconds=totals.seconds(PresenceStatus.BUSY),
    )
