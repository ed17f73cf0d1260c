"""Rich messages: agents send them, both sides get them, nobody else can make one."""

from __future__ import annotations

from typing import Any

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories

DOCUMENT = {
    "blocks": [
        {"kind": "paragraph", "spans": [{"text": "退货", "bold": True}, {"text": "说明：{{customer.name}}"}]},
        {"kind": "list", "ordered": True, "items": [[{"text": "填单", "href": "https://a.example/r"}], [{"text": "寄回"}]]},
    ]
}
WORDS = "退货说明：{{customer.name}}\n1. 填单\n2. 寄回"


def _rich(document: Any = None, **more: Any) -> dict[str, Any]:
    return {"client_message_id": str(new_id()), "kind": "rich", "document": DOCUMENT if document is None else document, **more}


async def test_both_sides_get_the_document_and_lists_its_words(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    server = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, server)
    agent, visitor = await doors.agent_socket(server), await doors.visitor_socket(guest.token)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.next("subscribed")

    await agent.send(type="send", conversation_id=str(conversation_id), **_rich())
    ack = await agent.next("ack")

    told = await visitor.next("message")
    assert (told["seq"], told["kind"], told["text"], told["data"]) == (ack["seq"], "rich", WORDS, {"document": DOCUMENT})
    page = (await doors.visitor(guest.token).get(f"/widget/conversations/{conversation_id}/messages?after_seq=0")).json()
    assert page["items"][-1] == {key: value for key, value in told.items() if key != "type"}
    conversation = (await doors.agent(server).get(f"/conversations/{conversation_id}")).json()
    assert (conversation["last"]["kind"], conversation["last"]["preview"]) == ("rich", "退货说明：{{customer.name}} 1. 填单 2. 寄回")
    assert conversation["customer_unread"] == 1
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_a_repeat_is_answered_with_the_first_result(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http, message = doors.agent(tenant.admin), _rich()

    first = await http.post(f"/conversations/{conversation_id}/messages", json=message)
    second = await http.post(f"/conversations/{conversation_id}/messages", json=message)

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()


async def test_it_can_be_withdrawn(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http = doors.agent(tenant.admin)
    seq = (await http.post(f"/conversations/{conversation_id}/messages", json=_rich())).json()["seq"]

    answer = await http.post(f"/conversations/{conversation_id}/messages/{seq}/withdraw", json={"client_message_id": str(new_id())})

    assert answer.status_code == 200
    page = (await doors.visitor(guest.token).get(f"/widget/conversations/{conversation_id}/messages?after_seq={seq - 1}")).json()
    assert (page["items"][0]["withdrawn"], page["items"][0]["text"], page["items"][0]["data"]) == (True, None, None)


@pytest.mark.parametrize("kind", ["rich", "text"])
async def test_a_visitor_sends_nothing_rich(doors: Doors, database: Database, factories: Factories, kind: str) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    socket = await doors.visitor_socket(guest.token)
    message = _rich() | {"kind": kind, "text": "x" if kind == "text" else None}

    answer = await doors.visitor(guest.token).post("/widget/messages", json=message)
    await socket.send(type="send", **message)
    refused = await socket.next("error")

    assert answer.status_code == 422
    assert [(p["field"], p["code"]) for p in answer.json()["error"]["fields"]] == [("document", "unknown")]
    assert (refused["code"], refused["field"], refused["ref"]) == ("invalid_input", "document", message["client_message_id"])
    assert (await doors.visitor(guest.token).get("/widget/conversations")).json()["items"] == []


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (_rich() | {"document": None}, "document"),
        (_rich(text="x"), "text"),
        (_rich(file_id=str(new_id())), "file_id"),
        (_rich({"blocks": [{"kind": "paragraph", "spans": [{"text": " "}]}]}), "document"),
        (
            _rich({"blocks": [{"kind": "paragraph", "spans": [{"text": "x", "href": "javascript:alert(1)"}]}]}),
            "document.blocks.0.spans.0.href",
        ),
        (_rich({"blocks": [{"kind": "picture", "id": str(new_id()), "width": 1, "height": 1}]}), "document.blocks.0.id"),
        (_rich({"blocks": [{"kind": "html", "html": "<img src=x onerror=alert(1)>"}]}), "document.blocks.0"),
    ],
)
async def test_what_is_no_rich_message_is_refused_by_both_doors(
    doors: Doors, database: Database, factories: Factories, message: dict[str, Any], field: str
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    before = await talk.messages(database, guest, conversation_id)
    socket = await doors.agent_socket(tenant.admin)

    answer = await doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/messages", json=message)
    await socket.send(type="send", conversation_id=str(conversation_id), **message)
    refused = await socket.next("error")

    assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, field)
    assert (refused["field"], refused["ref"]) == (field, message["client_message_id"])
    assert await talk.messages(database, guest, conversation_id) == before


async def test_a_rich_message_may_answer_another(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)

    answer = await doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/messages", json=_rich(reply_to=1))

    assert answer.status_code == 200
    message = (await talk.messages(database, guest, conversation_id))[-1]
    assert message.data == {"reply_to": {"seq": 1}, "document": DOCUMENT}
