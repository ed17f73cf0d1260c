"""A new password for who has forgotten the old one."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Public
from qiatan.infra.http.transactions import Shared, SystemTx
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import AskReset, FinishReset, LinkSent, LinkToken, ResetPreview
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.agents import Editor
from qiatan.modules.accounts.routes.common import Catalogue, EntranceOf, throttle

router = APIRouter()


@router.post("/password-reset", status_code=204, dependencies=[Depends(Public("who forgot the password cannot sign in"))])
async def ask_password_reset(entrance: EntranceOf, shared: Shared, tx: SystemTx, command: AskReset) -> None:
    entrance.throttle("reset", common.RESET)
    # Whether letters go to an address as often as asked is not told: the answer is the same for all.
    letters = common.tries_of(shared)
    account = await service.account_name(tx, command.email)
    if shared.mailer.configured and await letters.wait(tx, "reset-email", common.RESET_EMAIL, account) == 0:
        await service.ask_reset(tx, command)


@router.post("/password-reset/lookup", dependencies=[Depends(Public("the holder of a reset link cannot sign in"))])
async def look_up_password_reset(entrance: EntranceOf, tx: SystemTx, command: LinkToken) -> ResetPreview:
    entrance.throttle("link", common.LINK)
    return await service.look_up_reset(tx, token=command.token)


@router.post("/password-reset/finish", status_code=204, dependencies=[Depends(Public("the holder of a reset link cannot sign in"))])
async def finish_password_reset(entrance: EntranceOf, shared: Shared, command: FinishReset) -> None:
    entrance.throttle("link", common.LINK)
    await service.finish_reset(shared.database, command, address=entrance.caller.address)


@router.post("/agents/{agent_id}/password-reset")
async def reset_agent_password(actor: Editor, shared: Shared, catalogue: Catalogue, agent_id: UUID) -> LinkSent:
    throttle(shared, "invite", common.INVITE, str(actor.enterprise_id))
    email = await service.address_of(shared.database, actor, agent_id)
    async with common.letter_counted(shared, actor.enterprise_id, email), shared.database.tenant(actor.enterprise_id) as tx:
        return await service.send_reset(
            tx,
            actor,
            agent_id=agent_id,
            mail=shared.mailer.configured,
            public_url=shared.settings.public_url,
            catalogue=catalogue,
        )
