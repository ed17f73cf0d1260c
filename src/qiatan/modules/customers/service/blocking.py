"""The blacklist (F17). A customer is known by the token their browser keeps: who clears it comes as a new one, unless the rule of the
same address is switched on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.kit.text import shorten, storable
from qiatan.modules.accounts import permissions as account_points
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers import permissions, repository
from qiatan.modules.customers.contracts import (
    BlacklistRules,
    Block,
    BlockCustomer,
    CustomerBrief,
    ReleaseCustomers,
    Released,
    SaveBlacklistRules,
)
from qiatan.modules.customers.errors import AlreadyBlocked, Blocked
from qiatan.modules.customers.events import CustomerBlocked
from qiatan.modules.customers.models import BlockRow
from qiatan.modules.customers.repository import BlockRepository, CustomerRepository
from qiatan.modules.customers.rules import checked_end, cleaned_reason, shown_name
from qiatan.modules.customers.service.cards import announce

MAX_QUERY = 60


def shut_out(enterprise_id: InstrumentedAttribute[UUID], customer_id: InstrumentedAttribute[UUID], now: datetime) -> ColumnElement[bool]:
    """SQL that is true where the columns name a customer on the blacklist; for queries of the modules above."""
    return repository.blocked_customer(enterprise_id, customer_id, now)


def shut_out_from(enterprise_id: InstrumentedAttribute[UUID], address_group: str | None, now: datetime) -> ColumnElement[bool]:
    """SQL that is true where the enterprise lets nobody in from this address."""
    return false() if address_group is None else repository.blocked_address(enterprise_id, address_group, now)


async def closed_addresses(tx: Tx, places: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """From which of these (enterprise, address as `kit.addresses` groups them) nobody is let in (system transactions)."""
    return await repository.closed_addresses(tx, places, tx.now) if places else set()


async def require_welcome(tx: Tx, *, customer_id: UUID | None, address_group: str | None = None) -> None:
    """Let pass who is not on the blacklist of the transaction's enterprise, and does not come from where somebody on it came.

    Raises:
        Blocked
    """
    blocks = BlockRepository(tx, tx.enterprise_id)
    if customer_id is not None and await blocks.is_blocked(customer_id, tx.now):
        raise Blocked
    if address_group is not None and await blocks.is_address_blocked(address_group, tx.now):
        raise Blocked


async def block(
    tx: Tx, actor: AgentActor, *, customer_id: UUID, body: BlockCustomer, conversation_id: UUID | None, address_group: str | None
) -> Block:
    """Put a customer on the blacklist. The caller (conversations) has checked that they may be seen, and ends their conversations.

    Until the transaction ends nobody opens a conversation for this customer.

    Raises:
        NotAllowed: the role lacks `customers.block`.
        InvalidInput: the reason cannot be meant, or the end lies behind us.
        NotFound: no such customer in this enterprise.
        AlreadyBlocked
    """
    require(actor, permissions.BLOCK)
    reason, expires_at = cleaned_reason(body.reason), checked_end(body.expires_at, tx.now)
    customer = await CustomerRepository(tx, actor.enterprise_id).locked(customer_id, alone=True)
    if customer is None:
        raise NotFound
    blocks = BlockRepository(tx, actor.enterprise_id)
    if await blocks.is_blocked(customer_id, tx.now):
        raise AlreadyBlocked
    row = await blocks.add(
        id=new_id(),
        customer_id=customer_id,
        conversation_id=conversation_id,
        agent_id=await accounts.answering_agent(tx, actor),
        reason=reason,
        address_group=address_group,
        at=tx.now,
        expires_at=expires_at,
    )
    name = shown_name(customer.id, customer.name)
    subject = accounts.What("customer", customer_id, name)
    accounts.record(
        tx, accounts.Who.of(actor), "customer.blocked", subject, reason=reason, expires_at=expires_at, conversation_id=conversation_id
    )
    announce(tx, customer)
    tx.emit(CustomerBlocked(enterprise_id=tx.enterprise_id, customer_id=customer_id))
    names = await accounts.agent_names(tx, {row.agent_id})
    return _block(row, CustomerBrief(id=customer_id, name=name, vip=customer.vip), names.get(row.agent_id, ""))


async def blocked_page(tx: Tx, actor: AgentActor, *, words: str, after: str | None, limit: int) -> Page[Block]:
    """Who is on the blacklist by agents in the actor's scope, newest first. Raises NotAllowed, InvalidInput."""
    require(actor, permissions.BLOCK)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    if not storable(words):
        raise InvalidInput.of("q", "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")
    wanted = " ".join(words.split())[:MAX_QUERY]
    rows = await BlockRepository(tx, actor.enterprise_id).page(
        by=await _in_scope(tx, actor), words=wanted, now=tx.now, after=key, limit=limit + 1
    )
    names = await accounts.agent_names(tx, {row.agent_id for row, _, _ in rows})
    items = [
        _block(row, CustomerBrief(id=row.customer_id, name=shown_name(row.customer_id, name), vip=vip), names.get(row.agent_id, ""))
        for row, name, vip in rows[:limit]
    ]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return Page(items=items, next=encode_time_cursor(last.at, last.id) if last is not None else None)


async def release(tx: Tx, actor: AgentActor, body: ReleaseCustomers) -> Released:
    """Take customers off the blacklist. Who is not on it, or was put there by somebody outside the scope, is left out. Raises NotAllowed."""
    require(actor, permissions.BLOCK)
    blocks, customers = BlockRepository(tx, actor.enterprise_id), CustomerRepository(tx, actor.enterprise_id)
    rows = await blocks.standing_of(set(body.customer_ids), by=await _in_scope(tx, actor), now=tx.now)
    if not rows:
        return Released(customer_ids=[])
    by = await accounts.answering_agent(tx, actor)
    released = {found.id: found for found in await customers.get_all({row.customer_id for row in rows})}
    for row in rows:
        row.released_at, row.released_by = tx.now, by
        customer = released[row.customer_id]
        subject = accounts.What("customer", customer.id, shown_name(customer.id, customer.name))
        accounts.record(tx, accounts.Who.of(actor), "customer.released", subject, reason=shorten(row.reason, 200), blocked_at=row.at)
        announce(tx, customer)
    await tx.session.flush()
    return Released(customer_ids=[one for one in dict.fromkeys(body.customer_ids) if one in released])


async def blacklist_rules(tx: Tx, actor: AgentActor) -> BlacklistRules:
    """Raises NotAllowed."""
    require(actor, permissions.BLOCK)
    same_address, version = await BlockRepository(tx, actor.enterprise_id).rules()
    return BlacklistRules(same_address=same_address, version=version)


async def save_blacklist_rules(tx: Tx, actor: AgentActor, change: SaveBlacklistRules) -> BlacklistRules:
    """Switch the rule of the same address: offices and mobile networks share addresses, so it is off unless wanted.

    Raises:
        NotAllowed: the role lacks `enterprise.edit`, or the scope is not the whole enterprise.
        VersionConflict: somebody else changed it meanwhile.
    """
    require(actor, account_points.EDIT_ENTERPRISE)
    accounts.require_whole_scope(actor)
    blocks = BlockRepository(tx, actor.enterprise_id)
    before, _ = await blocks.rules()
    if not await blocks.save_rules(same_address=change.same_address, version=change.version):
        raise VersionConflict
    if before != change.same_address:
        what = accounts.What("blacklist_rules", None, "")
        accounts.record(tx, accounts.Who.of(actor), "blacklist_rules.changed", what, same_address=[before, change.same_address])
    return BlacklistRules(same_address=change.same_address, version=change.version + 1)


async def _in_scope(tx: Tx, actor: AgentActor) -> frozenset[UUID] | None:
    """By whom entries are in the actor's scope; None: by anybody."""
    if actor.scope.kind is ScopeKind.ALL:
        return None
    own = await accounts.answering_agent(tx, actor)
    if actor.scope.kind is ScopeKind.GROUPS:
        return await accounts.member_ids(tx, actor.scope.group_ids) | {own}
    return frozenset({own})


def _block(row: BlockRow, customer: CustomerBrief, by_name: str) -> Block:
    return Block(
        customer=customer,
        conversation_id=row.conversation_id,
        by_id=row.agent_id,
        by_name=by_name,
        reason=row.reason,
        at=row.at,
        expires_at=row.expires_at,
    )
