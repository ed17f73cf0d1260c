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
from qiatan.infra.spreadsheets import Sheet, write_workbook
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.files.pictures import png
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Guest, Member, Tenant
from tests.support.routes import Route

PLAIN = {"blocks": [{"kind": "paragraph", "spans": [{"text": "您好"}]}]}

BODIES: dict[str, dict[str, Any]] = {
    "change_me": {"name": "别人", "version": 1},
    "save_preferences": {"settings": {"send_mode": "mod_enter"}, "version": 0},
    # A public address, which nobody calls, and the keys of a browser: the curve's own point and sixteen bytes.
    "save_push": {
        "endpoint": "https://1.1.1.1/push",
        "keys": {
            "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            "auth": "AAAAAAAAAAAAAAAAAAAAAA",
        },
    },
    "change_password": {"current_password": PASSWORD, "new_password": "another long password"},
    "change_enterprise": {"name": "别的名字", "version": 1},
    "change_agent": {"name": "改过的名字", "version": 1},
    "invite_agent": {"email": "somebody@example.com", "name": "新人", "group_ids": []},
    "create_group": {"name": "新组", "member_ids": []},
    "change_group": {"name": "改过的组", "version": 1},
    "delete_group": {"version": 1},
    "create_channel": {"name": "新渠道"},
    "change_channel": {"name": "改过的渠道", "version": 1},
    "start_upload": {"name": "图纸.pdf", "size": 3},
    "finish_upload": {},
    "finish_widget_upload": {},
    "show_widget_page": {"page_url": "https://shop.example/other"},
    "send_message": {"client_message_id": str(UUID(int=1)), "text": "假的"},
    "withdraw_message": {"client_message_id": str(UUID(int=2))},
    "edit_message": {"client_message_id": str(UUID(int=8)), "text": "假的"},
    "mark_conversation_read": {"seq": 1},
    "save_draft": {"text": "假的", "at": "2026-03-01T01:00:00Z"},
    "read_mentions": {"conversation_id": "{conversation_id}"},
    "write_note": {"client_message_id": str(UUID(int=5)), "text": "假的"},
    "save_conversation_rules": {"settings": {"auto_end": {"web": {"minutes": 10}}}, "version": 1},
    "change_customer": {"name": "改过的客户", "version": 1},
    "set_visitor_metadata": {"values": {"plan": "pro"}},
    "send_own_message": {"client_message_id": str(UUID(int=3)), "text": "假的"},
    "withdraw_own_message": {"client_message_id": str(UUID(int=4))},
    "mark_own_conversation_read": {"seq": 1},
    "evaluate_own_conversation": {"level": "good", "remark": "很快"},
    "create_reply": {"owner": "enterprise", "title": "新的", "document": PLAIN},
    "change_reply": {"title": "改过的", "version": 1},
    "order_replies": {"owner": "enterprise", "group_id": "{reply_group_id}", "ids": ["{reply_id}"]},
    "create_reply_group": {"owner": "enterprise", "name": "新的组"},
    "change_reply_group": {"name": "改过的组", "version": 1},
    "order_reply_groups": {"owner": "enterprise", "ids": ["{reply_group_id}"]},
    "change_known_customer": {"fields": {"company": "别家"}, "version": 1},
    "write_customer_note": {"text": "假的"},
    "change_customer_note": {"text": "假的", "version": 1},
    "block_customer": {"reason": "假的"},
    "block_customer_of_conversation": {"reason": "假的"},
    "release_customers": {"customer_ids": ["{customer_id}"]},
    "save_blacklist_rules": {"same_address": True, "version": 1},
    "tag_conversation": {"tag_ids": []},
    "create_tag": {"kind": "conversation", "name": "新标签"},
    "change_tag": {"name": "改过的标签", "version": 1},
    "order_tags": {"kind": "conversation", "ids": ["{tag_id}"]},
    "create_tag_group": {"kind": "conversation", "name": "新标签组"},
    "change_tag_group": {"name": "改过的标签组", "version": 1},
    "order_tag_groups": {"kind": "conversation", "ids": ["{tag_group_id}"]},
    "create_customer_field": {"name": "新字段", "kind": "text"},
    "change_customer_field": {"name": "改过的字段", "version": 1},
    "order_customer_fields": {"ids": ["{field_id}"]},
    "transfer_conversation": {"group_id": str(UUID(int=6))},
    "save_assignment": {"settings": {"base_rule": "rotate"}, "version": 0},
    "check_assignment": {"settings": {"base_rule": "rotate"}},
    "save_queue_settings": {"settings": {"limit": 30}, "version": 1},
    "save_transfer_settings": {"settings": {"ask": True}, "version": 0},
    "save_hours": {"settings": {"outside": "queue"}, "version": 0},
    "try_rules": {"case": {}},
    "start_simulation": {"settings": {}, "traffic": {"kind": "generated", "conversations": 10}},
    "put_wish": {"agents": [str(UUID(int=7))]},
    "set_my_presence": {"status": "away"},
    "begin_totp": {"password": PASSWORD},
    "confirm_totp": {"code": "123456"},
    "remove_totp": {"password": PASSWORD},
    "begin_passkey": {"password": PASSWORD},
    "add_passkey": {"challenge": "x", "name": "钥匙", "credential": {}},
    "rename_passkey": {"name": "改过的钥匙"},
    "remove_passkey": {"password": PASSWORD},
    "make_recovery_codes": {"password": PASSWORD},
    "create_role": {"name": "新角色", "points": ["enterprise.view"]},
    "change_role": {"name": "改过的角色", "version": 1},
    "create_api_key": {"name": "新钥匙", "points": ["enterprise.view"], "password": PASSWORD},
    "change_login_policy": {"enabled": False, "regions": ["CN"], "trusted": [{"first": "192.0.2.0/24"}], "version": 1},
    "preview_login_policy": {"enabled": False, "regions": ["CN"]},
    "try_address": {"address": "192.0.2.1", "role_id": "{role_id}"},
    "change_oidc": {"label": "公司", "issuer": "https://127.0.0.1/other", "client_id": "qiatan", "client_secret": "geheim", "version": 1},
    "skip_onboarding": {"steps": ["colleagues"]},
    "check_site": {"url": "http://127.0.0.1/"},
    "try_oidc": {"label": "公司", "issuer": "https://127.0.0.1/other", "client_id": "qiatan", "client_secret": "geheim", "version": 1},
}
"""`{…}` in a value is one of the world's ids."""
UPLOADS = {"set_avatar", "upload_file", "upload_widget_file", "upload_reply_picture"}
CALENDARS = {"read_calendar"}
SHEETS = {"import_replies"}
QUERIES = {
    "list_routings": "?view=mine",
    "add_upload_part": "?offset=0",
    "add_widget_upload_part": "?offset=0",
    "search_conversations": "?q=这个",
    "search_customers": "?q=访客",
    "list_customer_places": "?customer_id={customer_id}",
    "import_replies": "?dry_run=0",
}
"""What a call cannot do without."""


@dataclass(frozen=True)
class World:
    """An enterprise where `server` serves the guest's conversation, which holds a text and a picture, with a row in nearly every table.

    `colleague` is an ordinary agent beside it, with everything of a second factor; `narrow` one with all points whose scope is itself.
    """

    tenant: Tenant
    server: Member
    colleague: Member
    narrow: Member
    guest: Guest
    ids: dict[str, Any]

    def path(self, route: Route) -> str:
        assert route.path is not None
        return route.path.removeprefix("/api/v1").format(**self.ids) + QUERIES.get(route.name, "").format(**self.ids)


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
        "enterprise_id": tenant.enterprise_id,
        "role_id": await factories.role(tenant.enterprise_id, frozenset({"enterprise.view"})),
        "session_id": server.actor.session_id,
        "key_id": new_id(),
        "passkey_id": new_id(),
        "offer_id": new_id(),
        "simulation_id": new_id(),
        "upload_id": new_id(),
        "customer_id": guest.customer_id,
        "tag_id": new_id(),
        "tag_group_id": new_id(),
        "field_id": new_id(),
        "note_id": new_id(),
        "reply_id": new_id(),
        "reply_group_id": new_id(),
        "picture_id": new_id(),
    }
    values = {"e": tenant.enterprise_id, "a": colleague.id, "role": ids["role_id"], "key": ids["key_id"], "pass": ids["passkey_id"]}
    await _fill(
        database,
        values
        | {"server": server.id, "customer": guest.customer_id, "channel": channel.id}
        | {"conversation": conversation_id, "offer": ids["offer_id"], "simulation": ids["simulation_id"]}
        | {"tag": ids["tag_id"], "tag_group": ids["tag_group_id"], "field": ids["field_id"], "note": ids["note_id"]}
        | {"reply": ids["reply_id"], "reply_group": ids["reply_group_id"], "shown": ids["picture_id"]},
    )
    await doors.app.state.gateway.settled()  # from here on nothing changes by itself
    return World(tenant, server, colleague, narrow, guest, ids)


async def _fill(database: Database, values: dict[str, Any]) -> None:
    """What no use case of the story above writes."""
    async with database.system() as tx:
        for statement in (
            "INSERT INTO totp_secrets (enterprise_id, agent_id, secret, created_at, confirmed_at) VALUES (:e, :a, 'x', now(), now())",
            """INSERT INTO passkeys (enterprise_id, id, agent_id, credential_id, public_key, name, created_at)
                VALUES (:e, :pass, :a, sha256(gen_random_uuid()::text::bytea), 'x', '钥匙', now())""",
            "INSERT INTO recovery_codes (enterprise_id, agent_id, code_hash) VALUES (:e, :a, 'x')",
            """INSERT INTO oidc_providers (enterprise_id, enabled, label, issuer, client_id, client_secret, created_at)
               VALUES (:e, false, '公司', 'https://127.0.0.1', 'qiatan', 'x', now())""",
            """INSERT INTO oidc_identities (enterprise_id, issuer, subject, agent_id, created_at)
               VALUES (:e, 'https://127.0.0.1', gen_random_uuid()::text, :a, now())""",
            """INSERT INTO challenges (enterprise_id, id, agent_id, purpose, token_hash, data, created_at, expires_at)
                VALUES (:e, :a, :a, 'passkey', sha256(gen_random_uuid()::text::bytea), '{}', now(), now())""",
            """INSERT INTO conversation_settings (enterprise_id, value, version) VALUES (:e, '{}', 1)""",
            "INSERT INTO routing_settings (enterprise_id, part, value, version) VALUES (:e, 'queue', '{}', 1)",
            """INSERT INTO presence_spans (enterprise_id, id, agent_id, status, started_at, ended_at)
               VALUES (:e, :a, :a, 'online', '2026-03-01T01:00:00Z', '2026-03-01T02:00:00Z')""",
            "INSERT INTO routing_wishes (enterprise_id, customer_id, channel_id, wish, at) VALUES (:e, :customer, :channel, '{}', now())",
            """INSERT INTO routing_requests (enterprise_id, conversation_id, customer_id, state, target_kind)
               VALUES (:e, :conversation, :customer, 'placed', 'enterprise') ON CONFLICT DO NOTHING""",
            """INSERT INTO routing_decisions (enterprise_id, id, conversation_id, at, cause, outcome, agent_id, trace)
               VALUES (:e, :a, :conversation, now(), 'taken', 'assigned', :server, '[]')""",
            """INSERT INTO evaluations (enterprise_id, conversation_id, level, remark, segments, first_at, at)
               VALUES (:e, :conversation, 'good', '', '[]', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z')""",
            """INSERT INTO mentions (enterprise_id, agent_id, conversation_id, seq, by_id, preview, at)
               VALUES (:e, :server, :conversation, 4, :a, '你好', now())""",
            """INSERT INTO drafts (enterprise_id, agent_id, conversation_id, text, note, at)
               VALUES (:e, :server, :conversation, '您', false, now())""",
            """INSERT INTO uploads (enterprise_id, id, uploader_kind, uploader_id, name, size, received, parts, created_at, expires_at)
               VALUES (:e, :a, 'agent', :a, '图纸.pdf', 3, 0, '{}', now(), '2100-01-01T00:00:00Z')""",
            "INSERT INTO rotation_pointers (enterprise_id, target, agent_id) VALUES (:e, 'enterprise', :server)",
            """INSERT INTO transfer_offers (enterprise_id, id, conversation_id, from_agent_id, to_agent_id, note, state, made_at, due_at)
               VALUES (:e, :offer, :conversation, :server, :a, '', 'open', now(), '2100-01-01T00:00:00Z')""",
            """INSERT INTO routing_simulations (enterprise_id, id, made_by, made_at, state, progress, request)
               VALUES (:e, :simulation, :a, '2026-03-01T00:00:00Z', 'done', 100, '{"traffic": {"kind": "recorded"}}')""",
            "INSERT INTO tag_groups (enterprise_id, id, kind, name, position, created_at) VALUES (:e, :tag_group, 'conversation', '结果', 1, now())",
            """INSERT INTO tags (enterprise_id, id, kind, group_id, name, color, position, created_at)
               VALUES (:e, :tag, 'conversation', :tag_group, '退款', 'red', 1, now())""",
            "INSERT INTO conversation_tags (enterprise_id, conversation_id, tag_id, at) VALUES (:e, :conversation, :tag, now())",
            "INSERT INTO customer_tags (enterprise_id, customer_id, tag_id, at) VALUES (:e, :customer, :tag, now())",
            "INSERT INTO customer_fields (enterprise_id, id, name, kind, position, created_at) VALUES (:e, :field, '尺码', 'text', 1, now())",
            """INSERT INTO customer_changes (enterprise_id, id, customer_id, agent_id, at, field, "after")
               VALUES (:e, :note, :customer, :server, now(), 'company', '"松间"')""",
            """INSERT INTO customer_notes (enterprise_id, id, customer_id, agent_id, text, created_at)
               VALUES (:e, :note, :customer, :server, '喜欢素色', now())""",
            """INSERT INTO customer_blocks (enterprise_id, id, customer_id, agent_id, reason, at, released_at)
               VALUES (:e, :note, :customer, :server, '误会', '2026-03-01T00:00:00Z', '2026-03-01T01:00:00Z')""",
            "INSERT INTO blacklist_rules (enterprise_id, same_address, version) VALUES (:e, false, 1)",
            "INSERT INTO reply_shelves (enterprise_id, id, version) VALUES (:e, :e, 1)",
            """INSERT INTO reply_groups (enterprise_id, id, name, position, created_at) VALUES (:e, :reply_group, '售后', 1, now())""",
            """INSERT INTO reply_entries
                   (enterprise_id, id, group_id, position, title, text, kind, pinyin, initials, created_at, updated_at)
               VALUES (:e, :reply, :reply_group, 1, '退货', '寄到杭州', 'plain', 'tui huo', 'th', now(), now())""",
            "INSERT INTO reply_uses (enterprise_id, agent_id, entry_id, uses, used_at) VALUES (:e, :a, :reply, 1, now())",
            """INSERT INTO rich_pictures
                   (enterprise_id, id, uploader_id, blob, content_type, size, width, height, created_at, freed_at)
               VALUES (:e, :shown, :a, 'x', 'image/png', 1, 1, 1, now(), now())""",
            "INSERT INTO rich_picture_holds (enterprise_id, holder_id, picture_id) VALUES (:e, :reply, :shown)",
            "INSERT INTO agent_preferences (enterprise_id, agent_id, settings) VALUES (:e, :server, '{}')",
            """INSERT INTO given_answers (enterprise_id, caller_id, key, asked, status, content, given_at)
               VALUES (:e, :a, 'x', 'x', 204, '', now())""",
            "INSERT INTO onboarding (enterprise_id, skipped) VALUES (:e, '{look}')",
            """INSERT INTO push_subscriptions (enterprise_id, session_id, agent_id, endpoint, p256dh, auth, created_at)
               SELECT s.enterprise_id, s.id, s.agent_id, 'https://push.example/x', 'x', 'x', now()
                 FROM sessions s WHERE s.enterprise_id = :e AND s.agent_id = :a ORDER BY s.id LIMIT 1""",
            "INSERT INTO login_policies (enterprise_id, enabled) VALUES (:e, false)",
            "INSERT INTO login_policy_roles (enterprise_id, role_id) VALUES (:e, :role)",
            "INSERT INTO trusted_addresses (enterprise_id, id, first, position, created_at) VALUES (:e, :a, '10.0.0.1', 1, now())",
            """INSERT INTO login_log (enterprise_id, id, at, agent_id, address, region, device, method, allowed, reason)
               VALUES (:e, :a, now(), :a, '10.0.0.1', '', '', 'password', true, 'not_restricted')""",
            """INSERT INTO api_keys (enterprise_id, id, name, prefix, secret_hash, points, created_by, created_at)
                VALUES (:e, :key, '报表', 'qk_', sha256(gen_random_uuid()::text::bytea), '{enterprise.view}', :a, now())""",
        ):
            await tx.session.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def call(http: httpx.AsyncClient, route: Route, path: str, ids: dict[str, Any] | None = None) -> httpx.Response:
    """The call with a body that a rightful caller could send; `ids` fill what the body names."""
    if route.name in CALENDARS:
        calendar = ("holidays.csv", "2026-10-01,off,国庆节".encode(), "text/csv")
        return await http.request(str(route.method), path, files={"file": calendar})
    if route.name in SHEETS:
        return await http.request(str(route.method), path, files={"file": ("a.xlsx", await _sheet(), "application/octet-stream")})
    if route.name in UPLOADS:
        return await http.request(str(route.method), path, files={"file": ("a.png", png(), "image/png")})
    body = BODIES.get(route.name)
    if body is not None and ids is not None:
        body = {name: _named(value, ids) for name, value in body.items()}
    return await http.request(str(route.method), path, json=body)


def _named(value: Any, ids: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_named(item, ids) for item in value]
    return value.format(**ids) if isinstance(value, str) else value


async def _sheet() -> bytes:
    return await write_workbook([Sheet("a", ("分组", "标题", "内容"), [("售后", "换货", "寄到杭州")])])


async def checksum(database: Database, enterprise_id: UUID) -> str:
    """Of every row an enterprise has in any table."""
    parts = []
    async with database.system() as tx:
        for name in sorted(metadata.tables):
            owner = "id" if name == "enterprises" else "enterprise_id"
            if owner not in metadata.tables[name].columns:
                continue  # of no enterprise
            rows = (
                select(text("t::text"))
                .select_from(table(name, column(owner)).alias("t"))
                .where(text(f"t.{owner} = :id"))
                .order_by(text("1"))
            )
            parts.append(name + "\n".join((await tx.session.execute(rows, {"id": enterprise_id})).scalars()))
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()
