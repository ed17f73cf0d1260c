"""Inviting, and being invited."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Public
from qiatan.infra.http.transactions import Shared, SystemTx, TenantTx
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import AcceptInvitation, InvitationPreview, Invite, LinkSent, LinkToken, Me
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.agents import Inviter
from qiatan.modules.accounts.routes.common import Catalogue, EntranceOf, throttle

router = APIRouter()


@router.post("/agents/invitations", status_code=201)
async def invite_agent(actor: Inviter, shared: Shared, catalogue: Catalogue, command: Invite) -> LinkSent:
    throttle(shared, "invite", common.INVITE, str(actor.enterprise_id))
    async with common.letter_counted(shared, actor.enterprise_id, command.email):
        return await service.invite(
            shared.database, actor, command, mail=shared.mailer.configured, public_url=shared.settings.public_url, catalogue=catalogue
        )


@router.post("/agents/{agent_id}/invitation")
async def invite_agent_again(actor: Inviter, shared: Shared, catalogue: Catalogue, agent_id: UUID) -> LinkSent:
    throttle(shared, "invite", common.INVITE, str(actor.enterprise_id))
    email = await service.address_of(shared.database, actor, agent_id)
    async with common.letter_counted(shared, actor.enterprise_id, email), shared.database.tenant(actor.enterprise_id) as tx:
        return await service.invite_again(
            tx, actor, agent_id=agent_id, mail=shared.mailer.configured, public_url=shared.settings.public_url, catalogue=catalogue
        )


@router.delete("/agents/{agent_id}/invitation", status_code=204)
async def withdraw_invitation(actor: Inviter, tx: TenantTx, catalogue: Catalogue, agent_id: UUID) -> None:
    await service.withdraw_invitation(tx, actor, agent_id=agent_id, catalogue=catalogue)


@router.post("/invitations/lookup", dependencies=[Depends(Public("the holder of an invitation has no session yet"))])
async def look_up_invitation(entrance: EntranceOf, tx: SystemTx, command: LinkToken) -> InvitationPreview:
    entrance.throttle("link", common.LINK)
    return await service.look_up_invitation(tx, token=command.token)


@router.post("/invitations/accept", dependencies=[Depends(Public("joining by an invitation"))])
async def accept_invitation(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: AcceptInvitation) -> Me:
    entrance.throttle("link", common.LINK)
    outcome = await service.accept_invitation(shared.database, command, caller=await entrance.named(), catalogue=catalogue)
    return entrance.admit(outcome)
