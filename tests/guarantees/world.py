"""One enterprise with something of everything, a valid body for every call, and a checksum of all it has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import column, select, table, text

from qiatan.entrypoints.tables import metadata
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.files.pictures import png
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.routes import Route

BODIES: dict[str, dict[str, Any]] = {
    "change_me": {"name": "别人", "version": 1},
    "change_password": {"current_password": "correct horse battery", "new_password": "another long password"},
    "change_enterprise": {"name": "别的名字", "version": 1},
    "change_agent": {"name": "改过的名字", "version": 1},
    "invite_agent": {"email": "somebody@example.com", "name": "新人", "group_ids": []},
    "create_group": {"name": "新组", "member_ids": []},
    "change_group": {"name": "改过的组", "version": 1},
    "delete_group": {"version": 1},
    "create_channel": {"name": "新渠道"},
    "change_channel": {"name": "改过的渠道", "version": 1},
    "show_widget_page": {"page_url": "https://shop.example/other"},
    "send_message": {"client_message_id": str(UUID(int=1)), "text": "假的"},
    "withdraw_message": {"client_message_id": str(UUID(int=2))},
    "mark_conversation_read": {"seq": 1},
    "rename_customer": {"name": "改过的客户", "version": 1},
    "send_own_message": {"client_message_id": str(UUID(int=3)), "text": "假的"},
    "withdraw_own_message": {"client_message_id": str(UUID(int=4))},
    "mark_own_conversation_read": {"seq": 1},
    "set_my_presence": {"status": "away"},
}
UPLOADS = {"set_avatar", "upload_file", "upload_widget_file"}


@dataclass(frozen=True)
class World:
    """An enterprise where `server` serves the guest's conversation, which holds a text and a picture.

    `colleague` is an ordinary agent beside it, `narrow` one with all points whose scope is itself.
    """

    tenant: Tenant
    server: Member
    colleague: Member
    narrow: Member
    guest: Guest
    ids: dict[str, Any]

    def path(self, route: Route) -> str:
        assert route.path is not None
        return route.path.removeprefix("/api/v1").format(**self.ids)


async def make_world(doors: Doors, database: Database, factories: Factories) -> World:
    tenant = await factories.tenant()
    server = await factories.agent(tenant.enterprise_id)
    colleague = await factories.agent(tenant.enterprise_id)
    narrow = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.SELF))
    group_id = await factories.group(tenant.enterprise_id, server.id)
    channel = await factories.channel(tenant.enterprise_id)
    guest = await factories.visitor(channel)
    http = doors.visitor(guest.token)
    file = (await http.post("/widget/files", files={"file": ("a.png", png(), "image/png")})).json()
    picture = {"client_message_id": str(new_id()), "kind": "picture", "file_id": file["id"]}
    sent = (await http.post("/widget/messages", json=picture)).json()
    conversation_id = UUID(sent["conversation_id"])
    await talk.write(database, guest, "这个")
    await talk.assign(database, conversation_id, server)
    await talk.answer(database, server, conversation_id)
    ids = {
        "agent_id": server.id,
        "group_id": group_id,
        "channel_id": channel.id,
        "conversation_id": conversation_id,
        "file_id": file["id"],
        "seq": 4,
        "key": channel.key,
        "name": "0" * 32,
        "poll_id": "none",
    }
    return World(tenant, server, colleague, narrow, guest, ids)


async def call(http: httpx.AsyncClient, route: Route, path: str) -> httpx.Response:
    """The call with a body that a rightful caller could send."""
    if route.name in UPLOADS:
        return await http.request(str(route.method), path, files={"file": ("a.png", png(), "image/png")})
    return await http.request(str(route.method), path, json=BODIES.get(route.name))


async def checksum(database: Database, enterprise_id: UUID) -> str:
    """Of every row an enterprise has in any table."""
    parts = []
    async with database.system() as tx:
        for name in sorted(metadata.tables):
            owner = "id" if name == "enterprises" else "enterprise_id"
            rows = (
                select(text("t::text"))
                .select_from(table(name, column(owner)).alias("t"))
                .where(text(f"t.{owner} = :id"))
                .order_by(text("1"))
            )
            parts.append(name + "\n".join((await tx.session.execute(rows, {"id": enterprise_id})).scalars()))
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()
