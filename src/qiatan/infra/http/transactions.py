"""One transaction per request, committed before the answer is sent.

FastAPI runs the exit part of a `yield` dependency after the response by default; `scope="function"` runs it before, so nobody
ever holds a 200 for a transaction that then failed, and an answer that does not fit its schema rolls back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from qiatan.infra.db import Tx
from qiatan.infra.http.guards import identify, resources_of
from qiatan.infra.http.repeats import AlreadyAnswered, KeyedCall
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotSignedIn


async def _begin_tenant(request: Request) -> AsyncIterator[Tx]:
    actor = await identify(request)
    if actor is None:
        raise NotSignedIn
    call: KeyedCall | None = getattr(request.state, "keyed_call", None)
    async with resources_of(request).database.tenant(actor.enterprise_id) as tx:
        known = await call.begin(tx, actor) if call is not None and isinstance(actor, AgentActor) else None
        if known is None:
            yield tx
            return
    raise AlreadyAnswered(known)


async def _begin_system(request: Request) -> AsyncIterator[Tx]:
    async with resources_of(request).database.system() as tx:
        yield tx


TenantTx = Annotated[Tx, Depends(_begin_tenant, scope="function")]
"""A transaction bound to the caller's enterprise."""

SystemTx = Annotated[Tx, Depends(_begin_system, scope="function")]
"""A transaction across enterprises: only for routes that must find out which enterprise they speak of (sign-in, public pages)."""

Shared = Annotated[Resources, Depends(resources_of)]
"""The program's shared parts."""
