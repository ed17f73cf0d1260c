"""Customers as lists and the palette ask for them: where they are now, and who is meant."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.modules.conversations.contracts import MAX_CUSTOMERS_FOUND, CustomerHit, CustomerHits, CustomerPlace, CustomerPlaces
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.conversations.repository import SearchRepository
from qiatan.modules.conversations.repository.tags import ConversationTagRepository
from qiatan.modules.conversations.rules import search_words
from qiatan.modules.conversations.service.finding import sight_of
from qiatan.modules.customers import service as customers
from qiatan.modules.visitors import service as visitors


async def places(tx: Tx, actor: AgentActor, customer_ids: Collection[UUID]) -> CustomerPlaces:
    """Where these customers were seen last, as far as one of their conversations may be seen."""
    require(actor, SERVE)
    seen = await ConversationTagRepository(tx, actor.enterprise_id).seen_customers(await sight_of(tx, actor), customer_ids)
    visits = await visitors.latest_visits(tx, seen.keys())
    items = [
        CustomerPlace(
            customer_id=customer_id,
            region=visit.region,
            device=visit.device,
            page_url=visit.page_url,
            page_title=visit.page_title,
            last_seen_at=visit.last_seen_at,
        )
        for customer_id, visit in visits.items()
    ]
    return CustomerPlaces(items=items)


async def find_customers(tx: Tx, actor: AgentActor, *, words: str) -> CustomerHits:
    """The ten who were here last of those one may see whose name, phone or e-mail contains the words.

    Raises:
        NotAllowed
        InvalidInput: `q`.
        SearchTooSlow
    """
    require(actor, SERVE)
    wanted = search_words(words)
    sight = await sight_of(tx, actor)
    repository, conversations = SearchRepository(tx, actor.enterprise_id), ConversationTagRepository(tx, actor.enterprise_id)
    repository.begin()
    async with repository.in_time():
        found = await customers.find(tx, words=wanted, seen=conversations.seeing(sight), limit=MAX_CUSTOMERS_FOUND)
    async with repository.in_time():
        newest = await conversations.seen_customers(sight, [one.id for one in found])
    await repository.done()
    return CustomerHits(items=[CustomerHit(customer=one, conversation_id=newest[one.id]) for one in found if one.id in newest])
