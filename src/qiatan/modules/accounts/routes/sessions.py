"""Signing up, in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

import qiatan
from qiatan.infra.http.guards import Public, SignedIn
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.resources import Resources
from qiatan.infra.tries import too_many
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import Fault
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import Instance, LinkToken, Me, SignIn, SignInAnswer, SignUp
from qiatan.modules.accounts.errors import WrongCredentials
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.common import Catalogue, Entrance, EntranceOf

router = APIRouter()


@router.get("/instance", dependencies=[Depends(Public("what the sign-in page shows"))])
async def get_instance(shared: Shared) -> Instance:
    return Instance(signup_open=shared.settings.signup_open, mail=shared.mailer.configured, version=qiatan.__version__)


@router.post("/signup", status_code=201, dependencies=[Depends(Public("whoever makes an enterprise has no account yet"))])
async def sign_up(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: SignUp) -> Me:
    await common.count(shared, "sign-up", common.SIGN_UP, entrance.address)
    signed_in = await service.sign_up(
        shared.database, command, signup_open=shared.settings.signup_open, caller=await entrance.named(), catalogue=catalogue
    )
    return entrance.greet(signed_in)


@router.post("/session", dependencies=[Depends(Public("signing in"))])
async def sign_in(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: SignIn) -> SignInAnswer:
    entrance.throttle("sign-in-address", common.SIGN_IN_ADDRESS)
    address, tries = entrance.address, common.tries_of(shared)
    account = await _count(entrance, shared, command.email)
    try:
        outcome = await service.sign_in(
            shared.database,
            email=command.email,
            password=command.password.get_secret_value(),
            caller=await entrance.named(),
            catalogue=catalogue,
        )
    except Fault as fault:
        if not isinstance(fault, WrongCredentials):
            async with shared.database.system() as tx:
                await tries.give_back(tx, "sign-in-wrong", common.SIGN_IN_WRONG, address)
        raise
    async with shared.database.system() as tx:
        if isinstance(outcome, service.SignedIn):
            await tries.forget(tx, "sign-in-pair", account, address)
        await tries.give_back(tx, "sign-in-wrong", common.SIGN_IN_WRONG, address)
    return entrance.answer(outcome)


async def _count(entrance: Entrance, shared: Resources, email: str) -> str:
    """Take a try before the password is looked at, so that guesses at the same moment are not more than one after another.

    Returns the account's name that it was counted by.

    Raises:
        TooMany: too many passwords were tried, by this caller or for this account.
    """
    address, tries = entrance.address, common.tries_of(shared)
    async with shared.database.system() as tx:
        account = await service.account_name(tx, email)
        await tries.take(tx, "sign-in-pair", common.SIGN_IN_PAIR, account, address)
        await tries.take(tx, "sign-in-wrong", common.SIGN_IN_WRONG, address)
        seconds = await tries.wait(tx, "sign-in-account", common.SIGN_IN_ACCOUNT, account)
    # Strangers can use the account's tries up; whoever came in from here before need not wait for them.
    if seconds > 0 and not await service.came_before(shared.database, email=email, address=entrance.caller.address):
        raise too_many(seconds)
    return account


@router.post("/session/link", dependencies=[Depends(Public("signing in by a one-time link"))])
async def sign_in_by_link(entrance: EntranceOf, shared: Shared, catalogue: Catalogue, command: LinkToken) -> SignInAnswer:
    entrance.throttle("link", common.LINK)
    outcome = await service.sign_in_by_link(shared.database, token=command.token, caller=await entrance.named(), catalogue=catalogue)
    return entrance.answer(outcome)


@router.delete("/session", status_code=204)
async def sign_out(
    actor: Annotated[AgentActor, Depends(SignedIn(enrolling=True))], tx: TenantTx, request: Request, response: Response
) -> None:
    await service.sign_out(tx, actor)
    common.forget_cookie(request, response)
