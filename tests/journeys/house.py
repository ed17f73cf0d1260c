"""An enterprise of its own for each story, and its agents, made through the HTTP API as pages would."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from tests.journeys.server import Server

PASSWORD = "pine-kettle-42-rain"
COOKIE = "qiatan_session"

_addresses = itertools.count(1)


def client_of(server: Server) -> httpx.AsyncClient:
    """A caller from an address of its own."""
    number = next(_addresses)
    return httpx.AsyncClient(
        base_url=f"{server.url}/api/v1",
        headers={"X-Qiatan-Csrf": "1", "X-Forwarded-For": f"10.{number // 200}.{number % 200}.7"},
        timeout=30,
    )


def _body(response: httpx.Response) -> Any:
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
    return response.json() if response.content else None


class Member:
    """A signed-in agent at the API."""

    def __init__(self, client: httpx.AsyncClient, me: dict[str, Any]) -> None:
        self.client = client
        self.me = me
        client.headers["X-Qiatan-Csrf"] = me["csrf_token"]

    @property
    def id(self) -> str:
        return str(self.me["agent"]["id"])

    @property
    def email(self) -> str:
        return str(self.me["agent"]["email"])

    @property
    def name(self) -> str:
        return str(self.me["agent"]["name"])

    @property
    def session(self) -> str:
        """The value of the session cookie, for a browser that shall be signed in already."""
        return str(self.client.cookies[COOKIE])

    async def get(self, path: str) -> Any:
        return _body(await self.client.get(path))

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return _body(await self.client.post(path, json=body))

    async def change(self, path: str, **fields: Any) -> Any:
        """Read the object, and change it at the version that was read."""
        version = (await self.get(path))["version"]
        return _body(await self.client.patch(path, json={**fields, "version": version}))

    async def texts(self, conversation_id: str) -> list[str]:
        """All texts of a conversation in the order the server keeps; fails when seq is not dense."""
        page = await self.get(f"/conversations/{conversation_id}/messages?limit=100")
        items = page["items"]
        assert [item["seq"] for item in items] == list(range(1, page["head"] + 1))
        return [item["text"] for item in items if item["kind"] == "text"]

    async def conversations(self, view: str = "mine") -> list[dict[str, Any]]:
        page = await self.get(f"/conversations?view={view}&limit=100")
        items: list[dict[str, Any]] = page["items"]
        return items


class House:
    """One enterprise with its first web channel."""

    def __init__(self, server: Server, admin: Member, channel: dict[str, Any]) -> None:
        self.server = server
        self.admin = admin
        self.channel = channel
        self._strangers: list[httpx.AsyncClient] = []
        self.members = [admin]

    @property
    def key(self) -> str:
        return str(self.channel["key"])

    async def role(self, name: str, *points: str, requires_two_factor: bool = False) -> str:
        """A role of the enterprise's own; answers its id."""
        made = await self.admin.post("/roles", {"name": name, "points": list(points), "requires_two_factor": requires_two_factor})
        return str(made["id"])

    async def builtin(self, name: str) -> str:
        """The id of a role that every enterprise has: `admin` or `agent`."""
        roles = (await self.admin.get("/roles?limit=100"))["items"]
        return next(str(role["id"]) for role in roles if role["builtin"] == name)

    async def hire(self, name: str, *, role: str = "agent", role_id: str | None = None, **changes: Any) -> Member:
        """Another agent: invited in a built-in role or another one, accepted, then changed as asked (`max_conversations`, …)."""
        email = f"{uuid4().hex[:12]}@example.com"
        body = {"email": email, "name": name, "role_id": role_id or await self.builtin(role), "group_ids": []}
        invited = await self.admin.post("/agents/invitations", body)
        token = invited["link"].partition("token=")[2]
        client = client_of(self.server)
        me = _body(await client.post("/invitations/accept", json={"token": token, "name": name, "password": PASSWORD}))
        member = Member(client, me)
        self.members.append(member)
        if changes:
            await self.admin.change(f"/agents/{member.id}", **changes)
        return member

    async def sign_in(self, member: Member) -> Member:
        """The same agent once more, with a session of its own."""
        client = client_of(self.server)
        again = Member(client, _body(await client.post("/session", json={"email": member.email, "password": PASSWORD}))["me"])
        self.members.append(again)
        return again

    async def dress(self, **settings: Any) -> None:
        """Change settings of the web channel."""
        path = f"/channels/{self.channel['id']}"
        present = (await self.admin.get(path))["settings"]
        self.channel = await self.admin.change(path, settings=present | settings)

    def stranger(self) -> httpx.AsyncClient:
        """A caller from outside, from an address of its own."""
        client = client_of(self.server)
        self._strangers.append(client)
        return client

    async def close(self) -> None:
        for client in (*(member.client for member in self.members), *self._strangers):
            await client.aclose()


async def found(server: Server, *, name: str = "松间器物", admin: str = "沈知夏") -> House:
    """Sign a new enterprise up and wait for its first channel, which the server opens right after."""
    client = client_of(server)
    body = {"enterprise_name": name, "name": admin, "email": f"{uuid4().hex[:12]}@example.com", "password": PASSWORD}
    member = Member(client, _body(await client.post("/signup", json=body)))
    for _ in range(100):
        channels = (await member.get("/channels"))["items"]
        if channels:
            return House(server, member, channels[0])
        await asyncio.sleep(0.1)
    raise AssertionError("a new enterprise got no web channel within 10 s")


@asynccontextmanager
async def house_of(server: Server, **options: str) -> AsyncIterator[House]:
    """`found`, closed at the end."""
    house = await found(server, **options)
    try:
        yield house
    finally:
        await house.close()
