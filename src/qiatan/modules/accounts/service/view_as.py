"""Looking at the product as a colleague: what they see, and nothing can be changed.

The permission to look is a signed ticket that names the viewer's session: it is worth nothing in another one. Nothing is stored, so
the rights of both are read anew at every use.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.errors import NotAllowed, NotFound
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import Viewer, ViewGrant
from qiatan.modules.accounts.errors import ViewEnded
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.mapping import to_agent

MAX_TICKET = 400
_PURPOSE = "view-as"


@dataclass(frozen=True, slots=True)
class ViewTicket:
    """Who may be looked at, in which session, and until when."""

    enterprise_id: UUID
    session_id: UUID
    agent_id: UUID
    expires_at: datetime


def sign_ticket(ticket: ViewTicket, sealer: Sealer) -> str:
    """The ticket as text that only this installation can have made."""
    claims = [str(ticket.enterprise_id), str(ticket.session_id), str(ticket.agent_id), int(ticket.expires_at.timestamp())]
    packed = json.dumps(claims, separators=(",", ":")).encode()
    return f"{_encode(packed)}.{_encode(sealer.sign(packed, purpose=_PURPOSE))}"


def read_ticket(text: str, sealer: Sealer) -> ViewTicket | None:
    """What a ticket says, if it is ours; whether its time is over is for the caller to see."""
    packed, _, signature = text.partition(".")
    if len(text) > MAX_TICKET or not text.isascii():
        return None
    try:
        content = _decode(packed)
        if not sealer.signed(content, _decode(signature), purpose=_PURPOSE):
            return None
    except binascii.Error:
        return None
    enterprise_id, session_id, agent_id, expires_at = json.loads(content)
    return ViewTicket(UUID(enterprise_id), UUID(session_id), UUID(agent_id), datetime.fromtimestamp(expires_at, UTC))


async def view_as(tx: Tx, actor: AgentActor, *, agent_id: UUID, sealer: Sealer, catalogue: Collection[Point]) -> ViewGrant:
    """Allow the acting session to look at the product as an agent for 30 minutes.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        NotAllowed: oneself, an account that cannot sign in, or one with rights that the actor lacks.
    """
    require(actor, permissions.VIEW_AS)
    target = await AgentRepository(tx, actor.enterprise_id).get(agent_id)
    if target is None or not rules.agent_in_scope(actor, agent_id, target.group_ids):
        raise NotFound
    problem = _problem(actor, target, catalogue)
    if problem is not None:
        raise NotAllowed(problem)
    expires_at = (tx.now + rules.VIEW_LIVES).replace(microsecond=0)
    ticket = ViewTicket(actor.enterprise_id, actor.session_id, agent_id, expires_at)
    record(tx, Who.of(actor), "agent.viewed_as", What("agent", agent_id, target.row.name))
    return ViewGrant(token=sign_ticket(ticket, sealer), expires_at=expires_at, agent=to_agent(target))


async def resolve_view(
    tx: Tx, viewer: AgentActor, text: str, *, sealer: Sealer, catalogue: Collection[Point]
) -> tuple[AgentActor, datetime]:
    """The agent whom a session looks as, and when that ends. What both may do is read anew: a lost right ends the view.

    Raises:
        ViewEnded: the ticket is not ours, not this session's, or over; or it would not be given now.
    """
    ticket = read_ticket(text, sealer)
    if ticket is None or viewer.via != "session" or ticket.expires_at <= tx.now:
        raise ViewEnded
    if (ticket.enterprise_id, ticket.session_id) != (viewer.enterprise_id, viewer.session_id) or not viewer.may(permissions.VIEW_AS):
        raise ViewEnded
    target = await AgentRepository(tx, viewer.enterprise_id).get(ticket.agent_id)
    if target is None or not rules.agent_in_scope(viewer, ticket.agent_id, target.group_ids):
        raise ViewEnded
    if _problem(viewer, target, catalogue) is not None:
        raise ViewEnded
    seen = replace(
        viewer,
        agent_id=ticket.agent_id,
        points=rules.points_of(target.role, catalogue),
        scope=target.scope,
        group_ids=target.group_ids,
        regions=target.regions,
        via="view",
        viewer_id=viewer.agent_id,
    )
    return seen, ticket.expires_at


async def see_viewer(tx: Tx, actor: AgentActor, text: str, *, sealer: Sealer) -> Viewer | None:
    """Who looks, for the notice on the page; None where nobody looks as somebody else."""
    ticket = read_ticket(text, sealer)
    if actor.via != "view" or actor.viewer_id is None or ticket is None:
        return None
    viewer = await AgentRepository(tx, actor.enterprise_id).get(actor.viewer_id)
    return Viewer(id=viewer.row.id, name=viewer.row.name, expires_at=ticket.expires_at) if viewer is not None else None


def _problem(viewer: AgentActor, target: AgentRecord, catalogue: Collection[Point]) -> str | None:
    if viewer.agent_id == target.row.id:
        return "This is yourself."
    if not target.may_sign_in:
        return "This account cannot sign in, so there is nothing it would see."
    if not rules.may_grant(viewer, points=rules.points_of(target.role, catalogue), scope=target.scope, regions=target.regions):
        return "This account has rights that you do not hold yourself."
    return None


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
