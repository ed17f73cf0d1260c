"""An enterprise with agents and visitors, made by the product's own use cases."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.geo import UNKNOWN
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import BuiltinRole
from qiatan.modules.channels import service as channels
from qiatan.modules.customers.models import CustomerRow
from qiatan.modules.visitors.models import TokenRow, VisitRow
from qiatan.modules.visitors.rules import TOKEN_PREFIX

PASSWORD = "a password for measuring only"  # noqa: S105 - of accounts that live as long as the measurement


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can connect: an agent by cookie, a visitor by token."""

    id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class World:
    enterprise_id: UUID
    channel_id: UUID
    agents: list[Person]
    visitors: list[Person]


async def make_world(url: str, *, agents: int, visitor_count: int, places: int = 100) -> World:
    """A fresh enterprise; each agent has `places` for conversations."""
    database = Database(url, pool_size=2)
    try:
        password_hash = await accounts.hash_password(PASSWORD)
        stem = new_id().hex
        async with database.system() as tx:
            admin = await accounts.found_enterprise(
                tx, name="Bench", admin_name="Admin", email=f"admin-{stem}@example.com", password_hash=password_hash
            )
            enterprise_id = admin.row.enterprise_id
        agent_ids = [new_id() for _ in range(agents)]
        async with database.system() as tx:
            role_id = await accounts.role_named(tx, enterprise_id, BuiltinRole.AGENT)
            for number, agent_id in enumerate(agent_ids):
                email = f"agent-{number}-{stem}@example.com"
                await accounts.add_agent(
                    tx, enterprise_id, agent_id, role_id=role_id, name=f"Agent {number}", email=email, password_hash=password_hash
                )
            await tx.session.execute(
                text("UPDATE agents SET max_conversations = :places WHERE enterprise_id = :enterprise"),
                {"places": places, "enterprise": enterprise_id},
            )
        people = [await _signed_in(database, enterprise_id, agent_id) for agent_id in agent_ids]
        async with database.tenant(enterprise_id) as tx:
            channel = await channels.create_default(tx)
            guests = await _visitors(tx, channel.id, visitor_count)
        return World(enterprise_id, channel.id, people, guests)
    finally:
        await database.dispose()


async def _signed_in(database: Database, enterprise_id: UUID, agent_id: UUID) -> Person:
    """By one-time link: a password's hash costs more than all the rest of this file."""
    caller = accounts.Caller(address="127.0.0.1", user_agent="bench", region=UNKNOWN)
    async with database.system() as tx:
        link = await accounts.create_sign_in_link(tx, enterprise_id, agent_id)
    signed = await accounts.sign_in_by_link(database, token=re.split(r"[#=/]", link)[-1], caller=caller, catalogue=CATALOGUE)
    if not isinstance(signed, accounts.SignedIn):
        raise TypeError("a new account needs no second factor and may sign in from anywhere")
    return Person(agent_id, signed.token)


async def _visitors(tx: Tx, channel_id: UUID, count: int) -> list[Person]:
    """Rows as `visitors.service.open_session` writes them, thousands at once."""
    people = [Person(new_id(), f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}") for _ in range(count)]
    common: dict[str, Any] = {"enterprise_id": tx.enterprise_id}
    expires_at = tx.now + timedelta(days=30)
    if people:
        customers = [{**common, "id": one.id, "created_at": tx.now, "last_seen_at": tx.now} for one in people]
        await tx.session.execute(insert(CustomerRow), customers)
        own = [{**common, "channel_id": channel_id, "customer_id": one.id} for one in people]
        visits = [{**row, "id": new_id(), "started_at": tx.now, "last_seen_at": tx.now} for row in own]
        await tx.session.execute(insert(VisitRow), visits)
        hashes = [hashlib.sha256(one.token.encode()).digest() for one in people]
        tokens = [
            {**row, "id": new_id(), "token_hash": token_hash, "created_at": tx.now, "expires_at": expires_at}
            for row, token_hash in zip(own, hashes, strict=True)
        ]
        await tx.session.execute(insert(TokenRow), tokens)
    return people
