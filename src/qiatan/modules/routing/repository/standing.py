"""How agents stand, as decisions ask for it.

Read as lines of text, one for each agent: of a thousand agents few stand differently from one look to the next, and which ones do is
found by comparing lines, without making a thousand ids and statuses of them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, cast, func, select

from qiatan.infra.db import Tx
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing.models import DecisionRow, PresenceRow

_ENTERPRISE = bindparam("enterprise", type_=Uuid())
_NO_LINES: frozenset[str] = frozenset()

_connected = (
    select(func.string_agg(cast(PresenceRow.agent_id, Text) + " " + PresenceRow.status, ","))
    .where(PresenceRow.enterprise_id == _ENTERPRISE, PresenceRow.lease_until > bindparam("now"))
    .scalar_subquery()
)
_LINES = select(_connected, conversations.active_lines(_ENTERPRISE))

_given = (
    select(DecisionRow.agent_id.label("agent"), func.count().label("times"))
    .where(DecisionRow.enterprise_id == _ENTERPRISE, DecisionRow.at >= bindparam("since"), DecisionRow.agent_id.is_not(None))
    .group_by(DecisionRow.agent_id)
    .subquery()
)
_RECEIVED = select(func.string_agg(cast(_given.c.agent, Text) + " " + cast(_given.c.times, Text), ","))

_agent = bindparam("agent", type_=Uuid())
_one = (PresenceRow.enterprise_id == _ENTERPRISE, PresenceRow.agent_id == _agent)
_ONE = select(
    select(PresenceRow.status).where(*_one).scalar_subquery(),
    select(PresenceRow.lease_until > bindparam("now")).where(*_one).scalar_subquery(),
    conversations.active_number(_ENTERPRISE, _agent),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Lines of `agent value`, each agent at most once: the status of who is connected, how many conversations each serves, and how many
    each was given lately. Who has none of it is absent."""

    connected: frozenset[str] = _NO_LINES
    active: frozenset[str] = _NO_LINES
    received: frozenset[str] = _NO_LINES


class StandingRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def all(self, now: datetime, *, received_since: datetime | None = None) -> Standing:
        """Everybody; what they received only when it is asked for."""
        connected, active = (await self._session.execute(_LINES, {"enterprise": self._enterprise_id, "now": now})).one()
        received = None
        if received_since is not None:
            asked = {"enterprise": self._enterprise_id, "since": received_since}
            received = (await self._session.execute(_RECEIVED, asked)).scalar_one()
        return Standing(_lines(connected), _lines(active), _lines(received))

    async def one(self, agent_id: UUID, now: datetime) -> tuple[str | None, bool, int]:
        """(status chosen, whether connected, conversations served) of one agent; the status is None for who was never here."""
        values = {"enterprise": self._enterprise_id, "agent": agent_id, "now": now}
        status, connected, active = (await self._session.execute(_ONE, values)).one()
        return status, bool(connected), active


def _lines(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else _NO_LINES
