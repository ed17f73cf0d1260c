"""An enterprise in which every name and every word is an attempt to break the page that shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from qiatan.infra.clock import new_id
from tests.journeys.desk import put
from tests.journeys.house import PASSWORD, House, Member, client_of
from tests.journeys.payloads import PAYLOADS, within

COMPUTER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
BYTES = {"Content-Type": "application/octet-stream"}
_AT_ONCE = 4


@dataclass
class Talk:
    """One customer's conversation: everything in it is the same payload, as far as its places take it. Names are as the server keeps them."""

    id: str
    words: str
    visitor: httpx.AsyncClient
    name: str = ""
    card: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)


@dataclass
class Hostile:
    """What was written where, as the server keeps it."""

    house: House
    colleague: Member
    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)


async def sent(answer: Awaitable[httpx.Response]) -> Any:
    got = await answer
    assert got.is_success, f"{got.request.method} {got.request.url.path}: {got.status_code} {got.text}"
    return got.json() if got.content else None


async def fill(house: House) -> Hostile:
    """Everything that can be named, written, chosen or attached, through the doors that pages use."""
    admin, names = house.admin, within(60)
    colleague = await house.hire(names[0], role="admin", public_name=names[1])
    await admin.change(f"/agents/{admin.id}", name=names[2], public_name=names[3])
    made = Hostile(house, colleague, [names[0], names[2]])
    for name in names[:8]:
        made.groups.append((await admin.post("/groups", {"name": name, "member_ids": [colleague.id]}))["name"])
    made.names.append((await admin.post("/roles", {"name": names[4], "points": ["conversations.serve"]}))["name"])
    key = await admin.post("/api-keys", {"name": names[5], "points": ["agents.view"], "password": PASSWORD})
    made.names.append(key["api_key"]["name"])
    await house.dress(title=names[3], greeting=PAYLOADS[2], offline_text=PAYLOADS[1], launcher="pill", launcher_text="<i>{{7*191}}</i>")
    await admin.change(f"/channels/{house.channel['id']}", name=names[2])
    await put(house, "/conversation-rules", evaluation={"prompt": PAYLOADS[1], "automatic": False, "by_customer": True})
    await _catalogue(made)
    await _replies(made)
    for member in house.members:
        await admin.change(f"/agents/{member.id}", max_conversations=100)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, words: str) -> Talk:
        async with gate:
            return await _talk(made, number, words)

    made.talks = await asyncio.gather(*(one(number, words) for number, words in enumerate(PAYLOADS)))
    return made


async def _catalogue(made: Hostile) -> None:
    """Tags of both kinds, their groups, and fields of the enterprise's own."""
    admin, short = made.house.admin, within(30)
    group = await admin.post("/tag-groups", {"kind": "customer", "name": short[0]})
    for number, name in enumerate(short):
        made.tags.append(await admin.post("/tags", {"kind": "customer", "name": name, "group_id": group["id"] if number % 2 else None}))
        made.labels.append(await admin.post("/tags", {"kind": "conversation", "name": name}))
    for name in short[:6]:
        made.fields.append(await admin.post("/customer-fields", {"name": name, "kind": "text"}))
    made.fields.append(await admin.post("/customer-fields", {"name": short[6], "kind": "choice", "options": within(60)[:10]}))


async def _replies(made: Hostile) -> None:
    admin = made.house.admin
    shelf = await admin.post("/reply-groups", {"owner": "enterprise", "name": PAYLOADS[0]})
    for words in within(100):
        document = rich(PAYLOADS[0] if "{{" in words else words)
        body = {"owner": "enterprise", "group_id": shelf["id"], "title": words, "document": document}
        made.titles.append((await admin.post("/replies", body))["title"])


def rich(*words: str) -> dict[str, Any]:
    """A document in which each of these stands bold in a paragraph, in a list, and as what a link is called."""
    link = {"text": words[0], "href": "https://x.example/?q=%3Cscript%3E"}
    return {
        "blocks": [
            *({"kind": "paragraph", "align": "left", "spans": [{"text": text, "bold": True}]} for text in words),
            {"kind": "list", "ordered": False, "items": [[{"text": text, "size": "large"}] for text in words]},
            {"kind": "paragraph", "align": "center", "spans": [link]},
        ]
    }


async def _come(house: House, words: str, number: int) -> tuple[httpx.AsyncClient, str]:
    """A visitor of whom everything a browser tells is hostile; their client, and the title of their page."""
    client = client_of(house.server)
    client.headers["User-Agent"] = f"{COMPUTER} {words}" if words.isascii() and words.isprintable() else COMPUTER
    address = words if number % 2 == 0 else f"https://x.example/?q={words}#{words}"
    body = {"page_url": address, "page_title": words, "referrer": address, "language": words, "timezone": words, "screen": words}
    opened = await sent(client.post(f"/widget/{house.key}/session", json=body))
    client.headers["Authorization"] = f"Bearer {opened['token']}"
    return client, words


async def _talk(made: Hostile, number: int, words: str) -> Talk:
    admin = made.house.admin
    visitor, title = await _come(made.house, words, number)
    await sent(visitor.put("/widget/metadata", json={"values": {words[:50].replace("\r\n", " ").replace("\x01", "").strip(): words}}))
    told = await sent(visitor.post("/widget/messages", json=message(text=words)))
    talk = Talk(told["conversation_id"], words, visitor, source=[title])
    await admin.post(f"/conversations/{talk.id}/take")
    customer = (await admin.get(f"/conversations/{talk.id}/context"))["customer"]
    tags = [made.tags[(number + step) % len(made.tags)] for step in range(3)]
    own = {one["key"]: words for one in made.fields[:6]} | {made.fields[6]["key"]: made.fields[6]["options"][number % 10]}
    given = {"address": words, "comment": words, "weixin": words[:60], **own}
    body = {"name": words[:60], "tag_ids": [one["id"] for one in tags], "fields": given, "version": customer["version"]}
    kept = await sent(admin.client.patch(f"/conversations/{talk.id}/customer", json=body))
    talk.name = kept["name"]
    talk.card = [talk.name, *(one["name"] for one in tags), *kept["fields"].values()]
    label = made.labels[number % len(made.labels)]
    await sent(admin.client.put(f"/conversations/{talk.id}/tags", json={"tag_ids": [label["id"]]}))
    talk.labels = [label["name"]]
    await admin.post(f"/customers/{customer['id']}/notes", {"text": words})
    await admin.post(f"/conversations/{talk.id}/notes", {"client_message_id": str(new_id()), "text": f"@{words}"})
    return talk


def message(*, kind: str = "text", **given: Any) -> dict[str, Any]:
    return {"client_message_id": str(new_id()), "kind": kind, **given}


async def attach(client: httpx.AsyncClient, conversation: str | None, name: str, content: bytes) -> dict[str, Any]:
    """A file with a hostile name, sent by an agent into the conversation, or by a visitor; as the message's data tells it."""
    base = "/uploads" if conversation else "/widget/uploads"
    begun = await sent(client.post(base, json={"name": name, "size": len(content)}))
    await sent(client.patch(f"{base}/{begun['id']}?offset=0", content=content, headers=BYTES))
    file: dict[str, Any] = await sent(client.post(f"{base}/{begun['id']}/finish", json={}))
    path = f"/conversations/{conversation}/messages" if conversation else "/widget/messages"
    await sent(client.post(path, json=message(kind="file", file_id=file["id"])))
    return file


async def draft(member: Member, conversation: str, text: str) -> None:
    await sent(member.client.put(f"/conversations/{conversation}/draft", json={"text": text, "at": datetime.now(UTC).isoformat()}))


async def until(look: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(100):
        if await look():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: not within 10 s")
