"""An enterprise with agents and visitors, made by the product's own use cases."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.throttle import Throttle
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import Role
from qiatan.modules.channels import service as channels
from qiatan.modules.visitors import service as visitors
from qiatan.modules.visitors.contracts import SessionRequest

PASSWORD = "a password for measuring only"  # noqa: S105 - of accounts that live as long as the measurement
_PER_TRANSACTION = 100


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
        emails = [f"agent-{number}-{stem}@example.com" for number in range(agents)]
        async with database.system() as tx:
            for number, email in enumerate(emails):
                await accounts.add_agent(
                    tx, enterprise_id, new_id(), role=Role.AGENT, name=f"Agent {number}", email=email, password_hash=password_hash
                )
            await tx.session.execute(
                text("UPDATE agents SET max_conversations = :places WHERE enterprise_id = :enterprise"),
                {"places": places, "enterprise": enterprise_id},
            )
        people = [await _signed_in(database, email) for email in emails]
        async with database.tenant(enterprise_id) as tx:
            channel = await channels.create_default(tx)
        guests: list[Person] = []
        while len(guests) < visitor_count:
            async with database.tenant(enterprise_id) as tx:
                for _ in range(min(_PER_TRANSACTION, visitor_count - len(guests))):
                    session = await visitors.open_session(
                        tx,
                        channel,
                        SessionRequest(page_url="https://shop.example/cups", page_title="Cups"),
                        token=None,
                        address="198.51.100.7",
                        user_agent=None,
                        throttle=Throttle(),
                    )
                    guests.append(Person(session.customer_id, session.token))
        return World(enterprise_id, channel.id, people, guests)
    finally:
        await database.dispose()


async def _signed_in(database: Database, email: str) -> Person:
    caller = accounts.Caller(address="127.0.0.1", user_agent="bench")
    signed = await accounts.sign_in(database, email=email, password=PASSWORD, caller=caller, catalogue=CATALOGUE)
    return Person(signed.agent.id, signed.token)
