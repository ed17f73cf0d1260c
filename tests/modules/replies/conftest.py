from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.modules.replies.words import says
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


@dataclass
class Office:
    """An administrator, an ordinary agent and their clients."""

    tenant: Tenant
    agent: Member
    admin: httpx.AsyncClient
    http: httpx.AsyncClient

    async def entry(self, title: str, text: str = "您好", *, own: bool = False, group_id: str | None = None, **marks: Any) -> Any:
        """A new entry, of the agent (`own`) or of everybody."""
        body = {"owner": "own" if own else "enterprise", "group_id": group_id, "title": title, "document": says(text, **marks)}
        answer = await (self.http if own else self.admin).post("/replies", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def group(self, name: str, *, own: bool = False) -> Any:
        body = {"owner": "own" if own else "enterprise", "name": name}
        answer = await (self.http if own else self.admin).post("/reply-groups", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def index(self, **params: Any) -> Any:
        """What the agent may use."""
        return (await self.http.get("/replies", params=params)).json()


@pytest.fixture
async def office(doors: Doors, factories: Factories) -> Office:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    return Office(tenant, agent, doors.agent(tenant.admin), doors.agent(agent))
