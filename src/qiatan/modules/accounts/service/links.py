"""One-time links: random, stored as hashes, of one use, bound to an account and to the address it has."""

from __future__ import annotations

from datetime import datetime

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.errors import LinkExpired
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import LinkPurpose
from qiatan.modules.accounts.models import OneTimeLinkRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, SessionRepository
from qiatan.modules.accounts.service.tokens import new_token, token_hash

_PAGES = {LinkPurpose.INVITATION: "/app/invitation", LinkPurpose.RESET: "/app/reset", LinkPurpose.SIGN_IN: "/app/link"}
_LIVES = {
    LinkPurpose.INVITATION: rules.INVITATION_LIVES,
    LinkPurpose.RESET: rules.RESET_LINK_LIVES,
    LinkPurpose.SIGN_IN: rules.SIGN_IN_LINK_LIVES,
}


def link_expiry(tx: Tx, purpose: LinkPurpose) -> datetime:
    """When a link ends that is made now."""
    return tx.now + _LIVES[purpose]


async def write_link(tx: Tx, record: AgentRecord, purpose: LinkPurpose) -> str:
    """Make a link, and end the account's earlier one for the same purpose; returns its path, to be put behind the public address.

    The caller holds the agent's lock, so two links for one purpose cannot be made at once. The token stands behind the #, so that no
    server or proxy on the way writes it into a log.
    """
    token = new_token()
    values = {
        "id": new_id(),
        "agent_id": record.row.id,
        "purpose": purpose.value,
        "email": record.row.email,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "expires_at": link_expiry(tx, purpose),
    }
    await SessionRepository(tx, record.row.enterprise_id).replace_link(values)
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
    if not await SessionRepository(tx, link.enterprise_id).use_link(link.id, tx.now):
        raise LinkExpired
    return link
