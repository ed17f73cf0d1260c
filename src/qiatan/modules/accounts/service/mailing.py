"""Sending letters that hold a one-time link.

The job makes the link when it writes the letter, so a token is in the letter only, never in a row of the jobs. A try that is repeated
makes a new link, and the one before ends.
"""

from __future__ import annotations

from uuid import UUID

import structlog

from qiatan.infra.db import Tx
from qiatan.infra.mail import MailRefused
from qiatan.infra.resources import Resources
from qiatan.kit.text import shorten
from qiatan.modules.accounts import jobs, repository
from qiatan.modules.accounts.contracts import ActorKind, LinkPurpose
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, SessionRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.letters import Letter, invitation_letter, reset_letter
from qiatan.modules.accounts.service.links import write_link

log = structlog.get_logger(__name__)


async def invite_by_mail(tx: Tx, account: AgentRecord, *, inviter_id: UUID) -> None:
    """Send an invitation after the commit. The link of an earlier one ends now."""
    enterprise_id, agent_id = account.row.enterprise_id, account.row.id
    await SessionRepository(tx, enterprise_id).drop_links(agent_id, LinkPurpose.INVITATION)
    await tx.defer(jobs.mail_invitation, enterprise_id=str(enterprise_id), agent_id=str(agent_id), inviter_id=str(inviter_id))


async def reset_by_mail(tx: Tx, account: AgentRecord) -> None:
    """Send a link to choose a new password after the commit. The link of an earlier letter ends now."""
    await SessionRepository(tx, account.row.enterprise_id).drop_links(account.row.id, LinkPurpose.RESET)
    await _defer_reset(tx, account, account.row.locale)


async def reset_by_mail_if_known(tx: Tx, *, email: str, locale: str) -> None:
    """The same for an address that somebody gave. Only the job looks whether it has an account."""
    await tx.defer(jobs.mail_asked_reset, email=email, locale=locale)


async def _defer_reset(tx: Tx, account: AgentRecord, locale: str) -> None:
    # By ids: what fails is logged with its arguments, and people's addresses do not belong there.
    enterprise_id, agent_id = str(account.row.enterprise_id), str(account.row.id)
    await tx.defer(jobs.mail_reset, enterprise_id=enterprise_id, agent_id=agent_id, locale=locale)


@jobs.mail_invitation.kept_by
async def _mail_invitation(resources: Resources, *, enterprise_id: str, agent_id: str, inviter_id: str) -> None:
    """Invite an account that is still pending; who has joined, or was disabled, meanwhile gets nothing."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        agents = AgentRepository(tx, tx.enterprise_id)
        invited = await agents.get(UUID(agent_id), lock=True)
        if invited is None or not invited.pending or not invited.row.enabled:
            return
        enterprise = await EnterpriseRepository(tx, tx.enterprise_id).get()
        inviter = await agents.get(UUID(inviter_id))
        link = resources.settings.public_url + await write_link(tx, invited, LinkPurpose.INVITATION)
    letter = invitation_letter(
        enterprise.locale,
        name=invited.row.name,
        enterprise=enterprise.name,
        inviter=inviter.row.name if inviter is not None else None,
        link=link,
    )
    await _send(resources, invited, LinkPurpose.INVITATION, letter)


@jobs.mail_asked_reset.kept_by
async def _mail_asked_reset(resources: Resources, *, email: str, locale: str) -> None:
    """Somebody who gave this address forgot a password. Where no account can sign in with it, nothing happens."""
    async with resources.database.system() as tx:
        account = await repository.find_account(tx, email)
        if account is not None and account.may_sign_in:
            await _defer_reset(tx, account, locale)


@jobs.mail_reset.kept_by
async def _mail_reset(resources: Resources, *, enterprise_id: str, agent_id: str, locale: str) -> None:
    """Let the owner of an account choose a new password."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        account = await AgentRepository(tx, tx.enterprise_id).get(UUID(agent_id), lock=True)
        if account is None or not account.may_sign_in:
            return
        link = resources.settings.public_url + await write_link(tx, account, LinkPurpose.RESET)
    letter = reset_letter(locale, name=account.row.name, email=account.row.email, link=link)
    await _send(resources, account, LinkPurpose.RESET, letter)


async def _send(resources: Resources, to: AgentRecord, purpose: LinkPurpose, letter: Letter) -> None:
    """Hand the letter in. What the mail server will never take is noted where administrators look; all else is tried again."""
    try:
        await resources.mailer.send(to.row.email, letter.subject, letter.text, letter.html)
    except MailRefused as refused:
        log.warning("mail.refused", agent=str(to.row.id), purpose=purpose.value)  # what was said names the address
        async with resources.database.tenant(to.row.enterprise_id) as tx:
            what = What("agent", to.row.id, to.row.name)
            record(tx, Who(ActorKind.SYSTEM), "mail.failed", what, purpose=purpose.value, reason=shorten(str(refused), 300))
