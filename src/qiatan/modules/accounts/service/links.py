"""One-time links: random, stored as hashes, of one use, bound to an account and to the address it has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import Point
from qiatan.kit.errors import LinkExpired
from qiatan.modules.accounts import permissions, repository, rules
from qiatan.modules.accounts.contracts import LinkPurpose
from qiatan.modules.accounts.models import OneTimeLinkRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, LinkRepository
from qiatan.modules.accounts.service.tokens import new_token, token_hash

_PAGES = {LinkPurpose.INVITATION: "/app/invitation", LinkPurpose.RESET: "/app/reset", LinkPurpose.SIGN_IN: "/app/link"}
_LIVES = {
    LinkPurpose.INVITATION: rules.INVITATION_LIVES,
    LinkPurpose.RESET: rules.RESET_LINK_LIVES,
    LinkPurpose.SIGN_IN: rules.SIGN_IN_LINK_LIVES,
}
_TAKES = {LinkPurpose.INVITATION: permissions.CREATE_AGENTS, LinkPurpose.RESET: permissions.EDIT_AGENTS}


def link_expiry(tx: Tx, purpose: LinkPurpose) -> datetime:
    """When a link ends that is made now."""
    return tx.now + _LIVES[purpose]


async def write_link(tx: Tx, record: AgentRecord, purpose: LinkPurpose, *, made_by: UUID | None) -> str:
    """Make a link, and end the account's earlier one for the same purpose; returns its path, to be put behind the public address.

    `made_by`: the account or key whose right it takes (`end_links_of`); None where the owner asked for it, or whoever runs the
    installation. The caller holds the agent's lock, so two links for one purpose cannot be made at once. The token stands behind the #, so that no
    server or proxy on the way writes it into a log.
    """
    token = new_token()
    values = {
        "id": new_id(),
        "agent_id": record.row.id,
        "purpose": purpose.value,
        "email": record.row.email,
        "made_by": made_by,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "expires_at": link_expiry(tx, purpose),
    }
    await LinkRepository(tx, record.row.enterprise_id).replace(values)
    return _path(purpose, token)


async def renew_link(tx: Tx, record: AgentRecord, purpose: LinkPurpose) -> str | None:
    """Give the account's open link another token, and its whole life again; returns its path. None where it has ended meanwhile.

    The caller holds the agent's lock.
    """
    token = new_token()
    renewed = await LinkRepository(tx, record.row.enterprise_id).renew(
        record.row.id, purpose, email=record.row.email, token_hash=token_hash(token), expires_at=link_expiry(tx, purpose)
    )
    return _path(purpose, token) if renewed else None


async def end_links_of(tx: Tx, enterprise_id: UUID, makers: Collection[UUID], *, catalogue: Collection[Point]) -> None:
    """End the open links that these accounts, or keys of theirs, have made and could not make now.

    Who left, or lost a right, could else still have somebody join or take over an account. The caller holds the enterprise's lock and
    has written the change.
    """
    links = LinkRepository(tx, enterprise_id)
    made = await links.made_by(makers) if makers else []
    if not made:
        return
    ids = {link.answerable for link in made} | {link.agent_id for link in made}
    accounts = {found.row.id: found for found in await AgentRepository(tx, enterprise_id).get_all(ids)}
    over = [
        link.id for link in made if not _may_make(accounts[link.answerable], accounts[link.agent_id], _TAKES.get(link.purpose), catalogue)
    ]
    await links.drop_these(over)


def _may_make(maker: AgentRecord, account: AgentRecord, takes: Point | None, catalogue: Collection[Point]) -> bool:
    held = rules.Held(rules.points_of(maker.role, catalogue), maker.scope, maker.regions)
    if not maker.row.enabled or takes is None or takes.name not in held.points:
        return False
    return rules.may_grant(held, points=rules.points_of(account.role, catalogue), scope=account.scope, regions=account.regions)


def _path(purpose: LinkPurpose, token: str) -> str:
    return f"{_PAGES[purpose]}#token={token}"


async def spend_link(tx: Tx, token: str, purpose: LinkPurpose) -> OneTimeLinkRow:
    """Use up a link; of two who come at once, one gets it. Its agent is locked first, as by those who make links.

    Raises:
        LinkExpired: it is unknown, used, too old, of another purpose, its agent is disabled or has another address by now.
    """
    found = await repository.find_link(tx, token_hash(token), purpose)
    if found is None:
        raise LinkExpired
    link = found[0]
    await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
    if not await LinkRepository(tx, link.enterprise_id).use(link.id, tx.now):
        raise LinkExpired
    return link
