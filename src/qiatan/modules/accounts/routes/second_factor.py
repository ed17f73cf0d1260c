"""The second step of signing in, and signing in by a passkey alone."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Public
from qiatan.infra.http.transactions import Shared
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import GiveSecondFactor, Me, PasskeyOptions, SignInByPasskey
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.common import Catalogue, EntranceOf

router = APIRouter()


@router.post("/session/second-factor", dependencies=[Depends(Public("the second step of signing in"))])
async def give_second_factor(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: GiveSecondFactor) -> Me:
    entrance.throttle("second-factor", common.SECOND_FACTOR)
    outcome = await service.give_second_factor(
        shared.database,
        command,
        caller=await entrance.named(),
        catalogue=catalogue,
        sealer=shared.sealer,
        site=service.Site.of(shared.settings.public_url),
        throttle=shared.throttle,
    )
    return entrance.admit(outcome)


@router.post("/session/passkey/options", dependencies=[Depends(Public("signing in by a passkey"))])
async def start_passkey_sign_in(entrance: EntranceOf, shared: Shared) -> PasskeyOptions:
    entrance.throttle("passkey", common.SECOND_FACTOR)
    challenge = service.issue_challenge(shared.sealer, shared.clock.now())
    options = service.request_options(service.Site.of(shared.settings.public_url), challenge)
    return PasskeyOptions(challenge=service.encode_challenge(challenge), options=options)


@router.post("/session/passkey", dependencies=[Depends(Public("signing in by a passkey"))])
async def sign_in_by_passkey(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: SignInByPasskey) -> Me:
    entrance.throttle("passkey", common.SECOND_FACTOR)
    outcome = await service.sign_in_by_passkey(
        shared.database,
        challenge=command.challenge,
        credential=command.credential,
        caller=await entrance.named(),
        catalogue=catalogue,
        sealer=shared.sealer,
        site=service.Site.of(shared.settings.public_url),
    )
    return entrance.admit(outcome)
