"""The protection of the own account: second factors, recovery codes, the browsers that are signed in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends

from qiatan.infra.http.guards import SignedIn
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import (
    Confirm,
    ConfirmTotp,
    NewPasskey,
    OwnSecurity,
    OwnSessions,
    Passkey,
    PasskeyOptions,
    RecoveryCodes,
    RenamePasskey,
    TotpSetup,
)
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.common import proven, throttle

router = APIRouter()

Own = Annotated[AgentActor, Depends(SignedIn(private=True))]
# What adds a factor is open to those who must add one.
Enrolling = Annotated[AgentActor, Depends(SignedIn(enrolling=True, private=True))]
Confirmed = Annotated[Confirm, Body(default_factory=Confirm)]


@router.get("/me/security")
async def get_own_security(actor: Enrolling, tx: TenantTx) -> OwnSecurity:
    return await service.own_security(tx, actor)


@router.post("/me/totp")
async def begin_totp(actor: Enrolling, shared: Shared, confirm: Confirmed) -> TotpSetup:
    async with proven(shared, actor, confirm.password) as (tx, proof):
        return await service.begin_totp(tx, actor, proof=proof, sealer=shared.sealer)


@router.put("/me/totp")
async def confirm_totp(actor: Enrolling, shared: Shared, command: ConfirmTotp) -> RecoveryCodes:
    throttle(shared, "own-code", common.OWN_CODE, str(actor.agent_id))
    return await service.confirm_totp(shared.database, actor, code=command.code, sealer=shared.sealer)


@router.delete("/me/totp", status_code=204)
async def remove_totp(actor: Own, shared: Shared, confirm: Confirmed) -> None:
    async with proven(shared, actor, confirm.password) as (tx, proof):
        await service.remove_totp(tx, actor, proof=proof)


@router.post("/me/passkeys/options")
async def begin_passkey(actor: Enrolling, shared: Shared, confirm: Confirmed) -> PasskeyOptions:
    site = service.Site.of(shared.settings.public_url)
    async with proven(shared, actor, confirm.password) as (tx, proof):
        return await service.begin_passkey(tx, actor, proof=proof, site=site)


@router.post("/me/passkeys", status_code=201)
async def add_passkey(actor: Enrolling, tx: TenantTx, shared: Shared, command: NewPasskey) -> RecoveryCodes:
    site = service.Site.of(shared.settings.public_url)
    return await service.add_passkey(tx, actor, challenge=command.challenge, name=command.name, credential=command.credential, site=site)


@router.patch("/me/passkeys/{passkey_id}")
async def rename_passkey(actor: Own, tx: TenantTx, passkey_id: UUID, command: RenamePasskey) -> Passkey:
    return await service.rename_passkey(tx, actor, passkey_id=passkey_id, name=command.name)


@router.delete("/me/passkeys/{passkey_id}", status_code=204)
async def remove_passkey(actor: Own, shared: Shared, passkey_id: UUID, confirm: Confirmed) -> None:
    async with proven(shared, actor, confirm.password) as (tx, proof):
        await service.remove_passkey(tx, actor, passkey_id=passkey_id, proof=proof)


@router.post("/me/recovery-codes")
async def make_recovery_codes(actor: Own, shared: Shared, confirm: Confirmed) -> RecoveryCodes:
    async with proven(shared, actor, confirm.password) as (tx, proof):
        return await service.new_recovery_codes(tx, actor, proof=proof)


@router.get("/me/sessions")
async def list_own_sessions(actor: Own, tx: TenantTx) -> OwnSessions:
    return await service.own_sessions(tx, actor)


@router.delete("/me/sessions", status_code=204)
async def end_other_sessions(actor: Own, tx: TenantTx) -> None:
    await service.end_other_sessions(tx, actor)


@router.delete("/me/sessions/{session_id}", status_code=204)
async def end_own_session(actor: Own, tx: TenantTx, session_id: UUID) -> None:
    await service.end_own_session(tx, actor, session_id=session_id)
