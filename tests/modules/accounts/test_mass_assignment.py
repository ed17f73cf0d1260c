"""No door of this module takes a column that it does not name (security plan, line 4)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from qiatan.infra.db import Base, Database
from qiatan.modules.accounts import models
from tests.modules.accounts.reading import agent_row
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant

TABLES = [table for table in Base.metadata.sorted_tables if table.name in {
    row.__tablename__ for row in vars(models).values() if isinstance(row, type) and issubclass(row, Base) and row is not Base
}]  # fmt: skip
COLUMNS = sorted({column.name for table in TABLES for column in table.columns} | {"points", "pending", "password", "is_admin"})
NAMED = {
    "PATCH /me": {"name", "public_name", "locale", "version"},
    "PUT /me/password": set(),
    "PATCH /enterprise": {"name", "timezone", "typing_preview", "version"},
    "POST /agents/invitations": {"email", "name", "role_id"},
    "PATCH /agents": {"name", "public_name", "staff_number", "role_id", "visitor_regions", "max_conversations", "enabled", "version"},
    "POST /roles": {"name", "points", "requires_two_factor"},
    "PATCH /roles": {"name", "points", "requires_two_factor", "version"},
    "POST /groups": {"name"},
    "PATCH /groups": {"name", "version"},
    "POST /session": {"email", "password"},
    "POST /signup": {"name", "email", "password"},
}
VALUES: dict[str, Any] = {"builtin": "admin", "enabled": True, "id": str(uuid4()), "enterprise_id": str(uuid4()), "scope_kind": "all"}


async def everything(database: Database, tenant: Tenant) -> list[Any]:
    """All rows of the enterprise that a change could touch."""
    async with database.system() as tx:
        rows: list[Any] = []
        for table in TABLES:
            owner = table.c.id if table.name == "enterprises" else table.c.enterprise_id
            query = select(table).where(owner == tenant.enterprise_id).order_by(*table.primary_key.columns)
            rows += [tuple(row) for row in await tx.session.execute(query)]
        return rows


@pytest.mark.parametrize("door", NAMED)
async def test_columns_that_are_not_named_are_refused(doors: Doors, factories: Factories, database: Database, door: str) -> None:
    tenant = await factories.tenant()
    member = await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id)
    role = await factories.role(tenant.enterprise_id, frozenset({"conversations.serve"}))
    bodies: dict[str, tuple[str, str, dict[str, Any]]] = {
        "PATCH /me": ("PATCH", "/me", {"name": "改名", "version": 1}),
        "PUT /me/password": ("PUT", "/me/password", {"current_password": PASSWORD, "new_password": "tea leaves unfold"}),
        "PATCH /enterprise": ("PATCH", "/enterprise", {"name": "改名", "version": 1}),
        "POST /agents/invitations": ("POST", "/agents/invitations", {"email": f"{uuid4().hex}@example.com", "name": "小顾"}),
        "PATCH /agents": ("PATCH", f"/agents/{member.id}", {"name": "改名", "version": 1}),
        "POST /roles": ("POST", "/roles", {"name": "夜班", "points": []}),
        "PATCH /roles": ("PATCH", f"/roles/{role}", {"name": "改名", "version": 1}),
        "POST /groups": ("POST", "/groups", {"name": "售前"}),
        "PATCH /groups": ("PATCH", f"/groups/{group}", {"name": "改名", "version": 1}),
        "POST /session": ("POST", "/session", {"email": tenant.admin.email, "password": PASSWORD}),
        "POST /signup": (
            "POST",
            "/signup",
            {"enterprise_name": "茶", "name": "许清", "email": f"{uuid4().hex}@example.com", "password": "tea leaves unfold"},
        ),
    }
    method, path, body = bodies[door]
    browser = doors.agent(tenant.admin)
    before = await everything(database, tenant)

    for column in COLUMNS:
        if column in NAMED[door]:
            continue
        refused = await browser.request(method, path, json={**body, column: VALUES.get(column, "x")})
        assert refused.status_code == 422, column
        assert column in {problem["field"].split(".")[0] for problem in refused.json()["error"]["fields"]}, column

    assert await everything(database, tenant) == before
    assert (await agent_row(database, member.id))["role_id"] == await factories.role_id(tenant.enterprise_id, "agent")
