"""Restricting sign-ins in tests: real addresses with known places, bodies, and what was written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from qiatan.infra.db import Database
from qiatan.modules.accounts.models import AgentRow, AuditEntryRow, LoginEntryRow, LoginPolicyRow, TrustedAddressRow
from tests.support.doors import Doors
from tests.support.factories import Member, Tenant

# Public name servers, whose places every release of the region data has.
SHENZHEN = "202.96.134.133"
GUANGZHOU = "202.96.128.86"
CHENGDU = "61.139.2.69"
AMERICA = "8.8.8.8"
CHINA_V6 = "240e::1"
NOWHERE = "192.0.2.77"

POLICY = "/security/login-policy"


async def role_of(database: Database, member: Member) -> UUID:
    async with database.system() as tx:
        query = select(AgentRow.role_id).where(AgentRow.enterprise_id == member.enterprise_id, AgentRow.id == member.id)
        return (await tx.session.execute(query)).scalar_one()


def rules_of(
    *roles: UUID, regions: Sequence[str] = (), trusted: Sequence[dict[str, str]] = (), enabled: bool = True, **more: Any
) -> dict[str, Any]:
    """A draft; `version` and `confirm_lock_out` make it a change."""
    return {"enabled": enabled, "role_ids": [str(role) for role in roles], "regions": list(regions), "trusted": list(trusted), **more}


async def restrict(doors: Doors, tenant: Tenant, *roles: UUID, version: int = 0, **draft: Any) -> dict[str, Any]:
    """Save rules as the administrator, who is never restricted."""
    answer = await doors.agent(tenant.admin).put(POLICY, json=rules_of(*roles, version=version, **draft))
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def logins(database: Database, enterprise_id: UUID) -> list[tuple[UUID, str, str, str, bool, str]]:
    """The login log, oldest first: whose, from where, where that is, how, let in, why."""
    async with database.system() as tx:
        query = select(LoginEntryRow).where(LoginEntryRow.enterprise_id == enterprise_id).order_by(LoginEntryRow.at, LoginEntryRow.id)
        return [
            (row.agent_id, row.address, row.region, row.method, row.allowed, row.reason)
            for row in (await tx.session.execute(query)).scalars()
        ]


async def audited(database: Database, enterprise_id: UUID, action: str) -> list[AuditEntryRow]:
    async with database.system() as tx:
        query = select(AuditEntryRow).where(AuditEntryRow.enterprise_id == enterprise_id, AuditEntryRow.action == action)
        return list((await tx.session.execute(query.order_by(AuditEntryRow.seq))).scalars())


async def stored_policy(database: Database, enterprise_id: UUID) -> tuple[bool, int] | None:
    async with database.system() as tx:
        query = select(LoginPolicyRow.enabled, LoginPolicyRow.version).where(LoginPolicyRow.enterprise_id == enterprise_id)
        found = (await tx.session.execute(query)).one_or_none()
        return (found[0], found[1]) if found else None


async def trusted(database: Database, enterprise_id: UUID) -> list[TrustedAddressRow]:
    async with database.system() as tx:
        query = select(TrustedAddressRow).where(TrustedAddressRow.enterprise_id == enterprise_id)
        return list((await tx.session.execute(query.order_by(TrustedAddressRow.position))).scalars())
