"""The visitor of a conversation, as the rules look at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Routed
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import Customer
from qiatan.modules.routing.contracts.decisions import Wish
from qiatan.modules.routing.contracts.settings import AssignmentSettings
from qiatan.modules.routing.repository.requests import RequestRepository
from qiatan.modules.routing.repository.wishes import WishRepository
from qiatan.modules.routing.rules import Case
from qiatan.modules.routing.service.settings import load_assignment
from qiatan.modules.visitors import service as visitors
from qiatan.modules.visitors.contracts import Visit

WISH_LIVES = timedelta(days=1)


async def case_of(tx: Tx, conversation_id: UUID, settings: AssignmentSettings | None = None) -> Case:
    """The visitor of a conversation as they are known now, with the wish it was or will be placed by.

    Raises:
        ConversationNotFound
    """
    routed = await conversations.routed(tx, conversation_id)
    if routed is None:
        raise ConversationNotFound
    row = await RequestRepository(tx, tx.enterprise_id).get(conversation_id)
    wish = read_wish(row.wish) if row is not None else await pending_wish(tx, routed)
    return await build_case(tx, routed, wish, settings=settings)


async def build_case(
    tx: Tx,
    routed: Routed,
    wish: Wish | None,
    *,
    excluded: frozenset[UUID] = frozenset(),
    settings: AssignmentSettings | None = None,
    visitor: bool = True,
) -> Case:
    """`visitor`: False where no rule asks what is known of the visitor, which then is not read."""
    if settings is None:
        settings, _ = await load_assignment(tx)
    last = None
    if settings.returning:
        last = await conversations.last_served_by(tx, routed.customer_id, since=tx.now - timedelta(days=settings.returning_days))
    if not visitor:
        return replace(case_of_visitor(routed, None, None, tx.now), wish=wish, last_agent_id=last, excluded=excluded)
    visit = await visitors.latest_visit(tx, customer_id=routed.customer_id)
    customer = await customers.get(tx, routed.customer_id)
    zone = ZoneInfo((await accounts.get_enterprise(tx)).timezone)
    seen = case_of_visitor(routed, visit, customer, tx.now.astimezone(zone))
    return replace(seen, wish=wish, last_agent_id=last, excluded=excluded)


def case_of_visitor(routed: Routed, visit: Visit | None, customer: Customer | None, now: datetime) -> Case:
    """What is known of a conversation's visitor. `now` in the enterprise's zone."""
    return Case(
        landing_page=visit.landing_url if visit else None,
        current_page=visit.page_url if visit else None,
        region=visit.region if visit else None,
        search_engine=visit.search_engine if visit else None,
        search_keyword=visit.search_keyword if visit else None,
        channel_id=routed.channel_id,
        device=visit.device.value if visit and visit.device else None,
        language=visit.language if visit else None,
        tags=frozenset(tag.name for tag in customer.tags) if customer else frozenset(),
        metadata=customer.metadata if customer else {},
        now=now,
    )


async def pending_wish(tx: Tx, routed: Routed) -> Wish | None:
    """The wish this conversation would use up."""
    stored = await WishRepository(tx, tx.enterprise_id).get(routed.customer_id, routed.channel_id, since=tx.now - WISH_LIVES)
    return read_wish(stored)


def read_wish(stored: dict[str, Any] | None) -> Wish | None:
    return None if stored is None else Wish.model_validate(stored)
