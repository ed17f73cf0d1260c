"""Calls of a script as requests: with ids, versions, tokens and codes as they are now for who calls."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

import httpx
from pyotp import HOTP
from sqlalchemy import text

from qiatan.infra.clock import Clock, new_id
from qiatan.infra.db import Database
from qiatan.infra.spreadsheets import Sheet, write_workbook
from tests.guarantees.call_scripts import OPERATIONS, VISITORS, Call, File
from tests.guarantees.call_values import Id, Known, Version, Words
from tests.guarantees.frame_houses import INTERNAL, House
from tests.guarantees.frame_scripts import encoded
from tests.guarantees.world import CALENDARS, SHEETS
from tests.modules.files.pictures import png
from tests.support.canaries import CANARIES
from tests.support.doors import PUBLIC_URL

_SPACE = UUID("0192f3a1-0000-7000-8000-000000000001")
SOURCES = {
    "agent_id": "agents",
    "group_id": "groups",
    "role_id": "roles",
    "session_id": "sessions",
    "key_id": "api_keys",
    "passkey_id": "passkeys",
    "channel_id": "channels",
    "conversation_id": "conversations",
    "file_id": "files",
    "customer_id": "customers",
    "tag_id": "tags",
    "tag_group_id": "tag_groups",
    "field_id": "customer_fields",
    "note_id": "customer_notes",
    "reply_id": "reply_entries",
    "reply_group_id": "reply_groups",
    "picture_id": "rich_pictures",
    "offer_id": "transfer_offers",
    "simulation_id": "routing_simulations",
    "upload_id": "uploads",
}
_VERSIONED = {"agents", "groups", "roles", "channels", "customers", "tags", "tag_groups", "customer_fields", "customer_notes"}
_VERSIONED |= {"reply_entries", "reply_groups"}
_SETTINGS = {
    "change_enterprise": "SELECT version FROM enterprises WHERE id = :e",
    "save_preferences": "SELECT version FROM agent_preferences WHERE enterprise_id = :e AND agent_id = :a",
    "change_me": "SELECT version FROM agents WHERE enterprise_id = :e AND id = :a",
    "save_conversation_rules": "SELECT version FROM conversation_settings WHERE enterprise_id = :e",
    "save_blacklist_rules": "SELECT version FROM blacklist_rules WHERE enterprise_id = :e",
    "change_login_policy": "SELECT version FROM login_policies WHERE enterprise_id = :e",
    "change_oidc": "SELECT version FROM oidc_providers WHERE enterprise_id = :e",
    "save_assignment": "SELECT version FROM routing_settings WHERE enterprise_id = :e AND part = 'assignment'",
    "save_queue_settings": "SELECT version FROM routing_settings WHERE enterprise_id = :e AND part = 'queue'",
    "save_transfer_settings": "SELECT version FROM routing_settings WHERE enterprise_id = :e AND part = 'transfers'",
    "save_hours": "SELECT version FROM routing_settings WHERE enterprise_id = :e AND part = 'hours'",
    "change_customer": "SELECT max(version) FROM customers WHERE enterprise_id = :e",
}
"""Where the version of what is changed lies, when the path does not name it."""
_MADE = {
    "upload_file": "file_id",
    "upload_widget_file": "file_id",
    "finish_upload": "file_id",
    "finish_widget_upload": "file_id",
    "upload_reply_picture": "picture_id",
    "start_widget_upload": "upload_id",
    "invite_agent": "agent_id",
}
"""Of what an answer brings the id, where the address of the thing does not lie below that of the call."""
_INTERNAL = {"write_note", "write_customer_note", "change_customer_note", "block_customer", "block_customer_of_conversation"}


class Requests:
    """What is known of the caller's enterprise and of the other one, and calls filled in with it."""

    def __init__(self, database: Database, clock: Clock, theirs: dict[str, list[str]]) -> None:
        self.database, self._clock, self._theirs = database, clock, theirs
        self.house: House
        self._example = 0
        self._count = 0
        self._pool: dict[str, list[str]] = {}
        self._versions: dict[str, int] = {}
        self._made: dict[tuple[str, str], str] = {}
        self._told: dict[str, list[str]] = defaultdict(list)
        self._brought: dict[str, str] = {}
        """What came last before agents: a visitor's conversation and file, or an offer."""
        self._sheet = b""

    async def begin(self, house: House) -> None:
        """Another house: what was told in the last one is worth nothing here."""
        self._example += 1
        self.house, self._made, self._told, self._brought = house, {}, defaultdict(list), {}
        self._sheet = self._sheet or await write_workbook([Sheet("a", ("分组", "标题", "内容"), [("售后", "换货", "寄到杭州")])])

    async def look_up(self) -> None:
        """Which things there are now."""
        self._pool, self._versions = await things_of(self.database, self.house)

    def learn(self, call: Call, answer: httpx.Response) -> None:
        """Keep what the answer brings that later calls may need."""
        if not answer.is_success or not answer.content or not answer.headers.get("Content-Type", "").startswith("application/json"):
            return
        said = answer.json()
        for pattern, what in ((r"#token=([\w-]+)", "link"), (r'"challenge":"([^"]+)"', "challenge"), (r'"secret":"([A-Z2-7]+)"', "secret")):
            self._told[what] += re.findall(pattern, answer.text)
        for pattern, what in (
            (r'"next":"([^"]+)"', "cursor"),
            (r'"poll_id":"([^"]+)"', f"poll {call.who}"),
            (r"/avatars/([\w.]+)", "avatar"),
        ):
            self._told[what] += re.findall(pattern, answer.text)
        if isinstance(said, dict):
            self._told["recovery"] += said.get("codes") or []
            thing = next((said[name] for name in ("api_key", "agent", "offer") if isinstance(said.get(name), dict)), said)
            kind = _MADE.get(call.name) or _made_kind(call.name)
            if kind is not None and "id" in thing:
                self._made[call.who, kind] = thing["id"]
            if "seq" in said:
                self._told["seq"].append(str(said["seq"]))
            if call.name == "send_own_message" and "conversation_id" in said:
                self._made[call.who, "conversation_id"] = self._brought["conversation_id"] = said["conversation_id"]
                self._brought["file_id"] = self._made.get((call.who, "file_id"), "")
            if isinstance(said.get("offer"), dict):
                self._made[call.who, "offer_id"] = self._brought["offer_id"] = said["offer"]["id"]

    async def request(self, call: Call) -> dict[str, Any]:
        operation = OPERATIONS[call.name]
        path = {place: quote(_said(await self._filled(one, call)), safe="", errors="surrogatepass") for place, one in call.path.items()}
        query: list[tuple[str, str]] = []
        for name, value in call.query:
            filled = await self._filled(value, call)
            query += [(name, _said(one)) for one in (filled if isinstance(filled, list) else [filled])]
        url = f"{PUBLIC_URL}{operation.path.format(**path)}"
        url += f"?{urlencode(query, errors='surrogatepass')}" if query else ""
        headers: dict[str, str | bytes] = {}
        content, files = None, None
        if isinstance(call.body, File):
            files = {"file": (call.body.name, self._content(call), "application/octet-stream")}
        elif isinstance(call.body, bytes):
            content = call.body
        elif operation.media is not None:
            content = encoded(await self._filled(call.body, call), escaped=True).encode(errors="surrogatepass")
            if call.twice and content.startswith(b'{"'):
                content = content.partition(b":")[0] + b":null," + content[1:]
        if operation.media is not None and files is None:
            headers["Content-Type"] = operation.media
        headers |= dict(call.headers)
        return {"method": call.method, "url": url, "headers": headers, "content": content, "files": files}

    def _content(self, call: Call) -> bytes:
        right = b"2026-10-01,off,\xe5\x9b\xbd" if call.name in CALENDARS else self._sheet if call.name in SHEETS else png()
        return {
            "right": right,
            "png": png(),
            "cut": right[: len(right) // 2],
            "empty": b"",
            "csv": "day,x\n2026-13-45,on,\x00\n,,,,,\n".encode("utf-16"),
            "sheet": self._sheet,
            "zip": b"PK\x03\x04" + b"\x00" * 60,
            "wide": png()[:16] + b"\xff\xff\xff\xff" * 2 + png()[24:],
        }[call.body.which]

    async def _filled(self, value: Any, call: Call) -> Any:
        """The value with its references as they are for who calls."""
        match value:
            case dict():
                return {name: await self._filled(inner, call) for name, inner in value.items()}
            case list():
                return [await self._filled(inner, call) for inner in value]
            case Id():
                return self._id(value, call.who)
            case Version():
                return await self._version(call) + value.off
            case Known():
                return self._known(value, call.who)
            case Words():
                return f"{INTERNAL + ' ' if call.name in _INTERNAL else ''}{CANARIES[0]} {value.text}"
            case "poll" | "avatar" | "key" | "seq" if value in call.path.values():
                return self._named(value, call.who)
            case _:
                return value

    def _id(self, ref: Id, who: str) -> str:
        if ref.side == "unknown":
            return str(uuid5(_SPACE, f"{ref.kind} {ref.nth}"))
        pool = (self._pool if ref.side == "ours" else self._theirs).get(ref.kind) or [str(uuid5(_SPACE, "none"))]
        if ref.side == "ours" and ref.nth == 0:
            brought = None if who in VISITORS else self._brought.get(ref.kind)
            for likely in (self._made.get((who, ref.kind)), brought, self._home(ref.kind, who)):
                if likely in pool:
                    return str(likely)
        return pool[max(0, ref.nth - 1) % len(pool)]

    def _home(self, kind: str, who: str) -> str | None:
        """What somebody has from the beginning."""
        if kind == "conversation_id" and who in ("second", "colleague"):
            return None
        given = self.house.world.ids.get(kind)
        return None if given is None else str(given)

    async def _version(self, call: Call) -> int:
        if call.name in _SETTINGS:
            member = self.house.members.get(call.who, self.house.keeper)
            found = (
                await _sql(
                    self.database, _SETTINGS[call.name], e=self.house.id, **({"a": member.id} if ":a" in _SETTINGS[call.name] else {})
                )
            ).scalar()
            return found or 0
        named = [one for one in call.path.values() if isinstance(one, Id)]
        return self._versions.get(self._id(named[-1], call.who), 1) if named else 1

    def _known(self, ref: Known, who: str) -> str:
        match ref.what:
            case "email":
                return [*self.house.members.values()][ref.which % len(self.house.members)].email
            case "new_email":
                self._count += 1
                return f"{self.house.id.hex}{self._count}@example.com"
            case "colleague":
                return str(self.house.members["colleague"].id)
            case "message":
                return str(uuid5(_SPACE, f"{self._example} {ref.which}"))
            case "totp":
                step = int(self._clock.now().timestamp()) // 30
                return HOTP(self._told["secret"][-1]).at(step) if self._told["secret"] else "123456"
            case _:
                return self._told[ref.what][-1] if self._told[ref.what] else str(new_id())

    def _named(self, value: str, who: str) -> str:
        if value == "key":
            return str(self.house.world.ids["key"])
        found = self._told[f"poll {who}" if value == "poll" else value]
        return found[-1] if found else "1" if value == "seq" else "none"


async def things_of(database: Database, house: House) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The newest things of each kind, and their versions."""
    parts = [
        f"(SELECT '{kind}' AS kind, id::text, {'version' if table in _VERSIONED else '0'} AS version FROM {table}"  # noqa: S608 -- names of our own
        " WHERE enterprise_id = :e ORDER BY id DESC LIMIT 12)"
        for kind, table in SOURCES.items()
    ]
    pool: dict[str, list[str]] = defaultdict(list)
    versions: dict[str, int] = {}
    for kind, one, version in await _sql(database, " UNION ALL ".join(parts), e=house.id):
        pool[kind].append(one)
        versions[one] = version
    pool["enterprise_id"] = [str(house.id)]
    return pool, versions


async def _sql(database: Database, statement: str, **values: Any) -> Any:
    async with database.system() as tx:
        return await tx.session.execute(text(statement), values)


def _made_kind(name: str) -> str | None:
    """The kind of what a call makes: things lie below the address they are made at."""
    operation = OPERATIONS[name]
    if operation.method != "POST":
        return None
    below = {one.path.removeprefix(operation.path + "/") for one in OPERATIONS.values() if one.path.startswith(operation.path + "/{")}
    kinds = {re.sub(r"\{(\w+)\}.*", r"\1", one) for one in below}
    return min(kinds) if len(kinds) == 1 else None


def _said(value: Any) -> str:
    return {True: "true", False: "false", None: ""}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
