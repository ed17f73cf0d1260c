"""What agents note of a customer, and what the site says of its visitor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.db import Database
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_a_vip_mark_shows_in_lists_at_once_and_never_to_the_customer(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await doors.agent(agent).put("/presence/me", json={"status": "away"})  # so that it stays in the queue
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    page, visitor = await doors.agent_socket(agent), await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="queue")
    await visitor.send(type="subscribe", topic="mine")
    for socket in (page, visitor):
        await socket.next("subscribed")

    answer = await doors.agent(agent).patch(f"/conversations/{conversation_id}/customer", json={"vip": True, "version": 1})

    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["vip"], changed["named"], changed["version"]) == (True, False, 2)
    shown = (await page.next("conversation"))["conversation"]
    assert shown["customer"] == {"id": str(guest.customer_id), "name": changed["name"], "vip": True}
    told = (await visitor.next("conversation"))["conversation"]
    assert told["customer"] == {"id": str(guest.customer_id), "name": "", "vip": False}
    listed = (await doors.agent(agent).get("/conversations?view=queue")).json()["items"]
    assert [row["customer"]["vip"] for row in listed] == [True]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tag_ids": ["x"]}, "tag_ids.0"),
        ({"tag_ids": [str(UUID(int=1))]}, "tag_ids"),
        ({"tag_ids": [str(UUID(int=number)) for number in range(21)]}, "tag_ids"),
        ({"fields": {"phone": "x", "company": "松间"}}, "fields.phone"),
        ({"fields": {"shoe": "42"}}, "fields.shoe"),
        ({"fields": {"phone": 138}}, "fields.phone"),
        ({"name": ""}, "name"),
        ({"vip": "maybe"}, "vip"),
    ],
)
async def test_marks_that_are_refused_by_name(
    doors: Doors, database: Database, factories: Factories, change: dict[str, Any], field: str
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http = doors.agent(tenant.admin)

    answer = await http.patch(f"/conversations/{conversation_id}/customer", json={**change, "version": 1})

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
    customer = (await http.get(f"/conversations/{conversation_id}/context")).json()["customer"]
    assert (customer["version"], customer["tags"], customer["vip"], customer["named"], customer["fields"]) == (1, [], False, False, {})
    assert (await http.get(f"/customers/{guest.customer_id}/changes")).json()["items"] == []


async def test_what_the_site_says_is_kept_as_text(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http = doors.visitor(guest.token)

    for values in ({"plan": "<b>pro</b>", "等级": " 3 "}, {"plan": "", "since": "2024"}, {}):
        answer = await http.put("/widget/metadata", json={"values": values})
        assert answer.status_code == 204, answer.text

    customer = (await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}/context")).json()["customer"]
    assert customer["metadata"] == {"plan": "<b>pro</b>", "等级": "3", "since": "2024"}
    assert customer["version"] == 1  # what agents are editing is not disturbed


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"bio": "x" * 501}, "values.bio"),
        ({"n" * 51: "x"}, "values"),
        ({" ": "x"}, "values"),
        ({str(number): "x" for number in range(20)}, "values"),
        ({"plan": 3}, "values.plan"),
        ({"since": None, "bio": "x" * 501}, "values.bio"),
        ({"plan": "a\x00"}, "values.plan"),
    ],
)
async def test_what_the_site_may_not_say(
    doors: Doors, database: Database, factories: Factories, values: dict[str, Any], field: str
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http = doors.visitor(guest.token)
    assert (await http.put("/widget/metadata", json={"values": {"plan": "pro", "since": "2024"}})).status_code == 204

    answer = await http.put("/widget/metadata", json={"values": {**values, "plan": values.get("plan", "free")}})

    assert answer.status_code == 422, answer.text
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
    customer = (await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}/context")).json()["customer"]
    assert customer["metadata"] == {"plan": "pro", "since": "2024"}


async def test_a_site_that_has_said_all_it_may_takes_a_name_away_for_another(
    doors: Doors, database: Database, factories: Factories
) -> None:
    # given a visitor of whom as many names are known as may be
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    http = doors.visitor(guest.token)
    known = {f"n{number}": "x" for number in range(20)}
    assert (await http.put("/widget/metadata", json={"values": known})).status_code == 204

    async def shown() -> Any:
        return (await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}/context")).json()["customer"]["metadata"]

    # when it says one more, nothing is changed
    refused = await http.put("/widget/metadata", json={"values": {"order": "S1", "n0": "y"}})
    assert (refused.status_code, [problem["code"] for problem in refused.json()["error"]["fields"]]) == (422, ["too_many"])
    assert await shown() == known

    # but with a name less there is room, and what nobody knows is taken away without a word
    answer = await http.put("/widget/metadata", json={"values": {"order": "S1", "n0": "y", "n1": None, "never": None}})
    assert answer.status_code == 204, answer.text
    assert await shown() == {name: value for name, value in known.items() if name != "n1"} | {"n0": "y", "order": "S1"}
