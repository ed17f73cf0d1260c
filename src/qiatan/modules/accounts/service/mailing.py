"""Sending letters that hold a one-time link.

The link is there from the beginning, so that all that ends links ends those in letters that wait too. Its token is made by the job that
writes the letter, so it is in the letter only, never in a row of the jobs. A try that is repeated makes a new one, and the one before
ends.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import structlog

from qiatan.infra.db import Tx
from qiatan.infra.mail import MailRefused
from qiatan.infra.resources import Resources
from qiatan.kit.text import shorten
from qiatan.modules.accounts import jobs, repository
from qiatan.modules.accounts.contracts import ActorKind, LinkPurpose, LinkSent
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.letters import Letter, invitation_letter, reset_letter
from qiatan.modules.accounts.service.links import link_expiry, renew_link, write_link
from qiatan.modules.accounts.service.mapping import to_agent

log = structlog.get_logger(__name__)


async def hand_out(
    tx: Tx, account: AgentRecord, purpose: Literal[LinkPurpose.INVITATION, LinkPurpose.RESET], *, made_by: UUID, mail: bool, public_url: str
) -> LinkSent:
    """Make a link to join by, or to choose a new password: in a letter that is sent after the commit, or shown to whoever asked for it.

    The link of an earlier one ends now. The caller holds the agent's lock.
    """
    expires_at, link = link_expiry(tx, purpose), None
    if not mail:
        link = public_url + await write_link(tx, account, purpose, made_by=made_by)
    elif purpose is LinkPurpose.INVITATION:
        await _defer_invitation(tx, account, inviter_id=made_by)
    else:
        await _defer_reset(tx, account, account.row.locale, made_by=made_by)
    return LinkSent(agent=to_agent(account), link=link, mailed=mail, expires_at=expires_at)


async def reset_by_mail_if_known(tx: Tx, *, email: str, locale: str) -> None:
    """A letter to choose a new password by, for an address that somebody gave. Only the job looks whether it has an account."""
    await tx.defer(jobs.mail_asked_reset, email=email, locale=locale)


async def _defer_invitation(tx: Tx, account: AgentRecord, *, inviter_id: UUID) -> None:
    enterprise_id, agent_id = account.row.enterprise_id, account.row.id
    await write_link(tx, account, LinkPurpose.INVITATION, made_by=inviter_id)
    await tx.defer(jobs.mail_invitation, enterprise_id=str(enterprise_id), agent_id=str(agent_id), inviter_id=str(inviter_id))


async def _defer_reset(tx: Tx, account: AgentRecord, locale: str, *, made_by: UUID | None) -> None:
    await write_link(tx, account, LinkPurpose.RESET, made_by=made_by)
    # By ids: what fails is logged with its arguments, and people's addresses do not belong there.
    enterprise_id, agent_id = str(account.row.enterprise_id), str(account.row.id)
    await tx.defer(jobs.mail_reset, enterprise_id=enterprise_id, agent_id=agent_id, locale=locale)


@jobs.mail_invitation.kept_by
async def _mail_invitation(resources: Resources, *, enterprise_id: str, agent_id: str, inviter_id: str) -> None:
    """Invite an account that is still pending; who has joined, or was disabled, or whose link has ended, meanwhile gets nothing."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        agents = AgentRepository(tx, tx.enterprise_id)
        invited = await agents.get(UUID(agent_id), lock=True)
        if invited is None or not invited.pending or not invited.row.enabled:
            return
        enterprise = await EnterpriseRepository(tx, tx.enterprise_id).get()
        inviter = await agents.get(UUID(inviter_id))
        path = await renew_link(tx, invited, LinkPurpose.INVITATION)
    if path is None:
        return
    letter = invitation_letter(
        enterprise.locale,
        name=invited.row.name,
        enterprise=enterprise.name,
        inviter=inviter.row.name if inviter is not None else None,
        link=resources.settings.public_url + path,
    )
    await _send(resources, invited, LinkPurpose.INVITATION, letter)


@jobs.mail_asked_reset.kept_by
async def _mail_asked_reset(resources: Resources, *, email: str, locale: str) -> None:
    """Somebody who gave this address forgot a password. Where no account can sign in with it, nothing happens."""
    async with resources.database.system() as tx:
        account = await repository.find_account(tx, email, lock=True)
        if account is not None and account.may_sign_in:
            await _defer_reset(tx, account, locale, made_by=None)


@jobs.mail_reset.kept_by
async def _mail_reset(resources: Resources, *, enterprise_id: str, agent_id: str, locale: str) -> None:
    """Let the owner of an account choose a new password."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        account = await AgentRepository(tx, tx.enterprise_id).get(UUID(agent_id), lock=True)
        if account is None or not account.may_sign_in:
            return
        path = await renew_link(tx, account, LinkPurpose.RESET)
    if path is None:
        return
    letter = reset_letter(locale, name=account.row.name, email=account.row.email, link=resources.settings.public_url + path)
    await _send(resources, account, LinkPurpose.RESET, letter)


async def _send(resources: Resources, to: AgentRecord, purpose: LinkPurpose, letter: Letter) -> None:
    """Hand the letter in. What the mail server will never take is noted where administrators look; all else is tried again."""
    try:
        await resources.mailer.send(to.row.email, letter.subject, letter.text, letter.html)
    except MailRefused as refused:
        log.warning("mail.refused", agent=str(to.row.id), purpose=purpose.value)  # what was said names the address
        async with resources.database.tenant(to.row.enterprise_id) as tx:
            _note_failure(tx, to, purpose, shorten(str(refused), 300))


@jobs.mail_invitation.given_up_by
async def _invitation_given_up(resources: Resources, *, enterprise_id: str, agent_id: str, inviter_id: str) -> None:
    await _give_up(resources, UUID(enterprise_id), UUID(agent_id), LinkPurpose.INVITATION)


@jobs.mail_reset.given_up_by
async def _reset_given_up(resources: Resources, *, enterprise_id: str, agent_id: str, locale: str) -> None:
    await _give_up(resources, UUID(enterprise_id), UUID(agent_id), LinkPurpose.RESET)


async def _give_up(resources: Resources, enterprise_id: UUID, agent_id: UUID, purpose: LinkPurpose) -> None:
    """Note a letter that no try could hand in. Why is in the server's log: the last reason may name hosts that are not theirs to see."""
    log.warning("mail.given_up", agent=str(agent_id), purpose=purpose.value)
    async with resources.database.tenant(enterprise_id) as tx:
        to = await AgentRepository(tx, enterprise_id).get(agent_id)
        if to is not None:
            _note_failure(tx, to, purpose, "The mail server could not be reached, or did not answer, in half an hour of trying.")


def _note_failure(tx: Tx, to: AgentRecord, purpose: LinkPurpose, reason: str) -> None:
    record(tx, Who(ActorKind.SYSTEM), "mail.failed", What("agent", to.row.id, to.row.name), purpose=purpose.value, reason=reason)
