"""Tags on conversations."""

from __future__ import annotations

from typing import Any

import httpx

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


async def _tag(http: httpx.AsyncClient, name: str, kind: str = "conversation") -> dict[str, Any]:
    made: dict[str, Any] = (await http.post("/tags", json={"kind": kind, "name": name, "color": "amber"})).json()
    return made


async def test_tags_show_to_agents_at_once_and_never_to_the_customer(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    refund = await _tag(doors.agent(tenant.admin), "退款")
    page, visitor = await doors.agent_socket(agent), await doors.visitor_socket(guest.token)
    for socket in (page, visitor):
        await socket.send(type="subscribe", topic="mine")
        await socket.next("subscribed")
    path = f"/conversations/{conversation_id}/tags"

    answer = await doors.agent(agent).put(path, json={"tag_ids": [refund["id"], refund["id"]]})

    ref = {"id": refund["id"], "name": "退款", "color": "amber"}
    assert (answer.status_code, answer.json()["tags"]) == (200, [ref])
    assert (await page.next("conversation"))["conversation"]["tags"] == [ref]
    told = (await visitor.next("conversation"))["conversation"]
    assert (told["tags"], told["version"]) == ([], answer.json()["version"])
    assert [row["tags"] for row in (await doors.agent(agent).get("/conversations")).json()["items"]] == [[ref]]
    assert [row["tags"] for row in (await doors.visitor(guest.token).get("/widget/conversations")).json()["items"]] == [[]]
    again = await doors.agent(agent).put(path, json={"tag_ids": [refund["id"]]})
    assert again.json()["version"] == answer.json()["version"]

    await talk.end(database, agent, conversation_id)
    done = await _tag(doors.agent(tenant.admin), "已解决")
    late = await doors.agent(agent).put(path, json={"tag_ids": [done["id"], refund["id"]]})
    assert [tag["name"] for tag in late.json()["tags"]] == ["退款", "已解决"]  # in the catalogue's order
    uses = {tag["name"]: tag["uses"] for tag in (await doors.agent(agent).get("/tags?uses=true")).json()["tags"]}
    assert uses == {"退款": 1, "已解决": 1}
    assert (await doors.agent(tenant.admin).delete(f"/tags/{refund['id']}")).status_code == 204
    assert (await doors.agent(agent).get(f"/conversations/{conversation_id}")).json()["tags"] == [
        {"id": done["id"], "name": "已解决", "color": "amber"}
    ]


async def test_tags_that_are_refused_change_nothing(doors: Doors, database: Database, factories: Factories) -> None:
    tenant, foreign = await factories.tenant(), await factories.tenant()
    agent, colleague = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.ALL))
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    refund, of_customers = await _tag(doors.agent(tenant.admin), "退款"), await _tag(doors.agent(tenant.admin), "老客", "customer")
    theirs = await _tag(doors.agent(foreign.admin), "他们的")
    path, http = f"/conversations/{conversation_id}/tags", doors.agent(agent)

    for ids in ([of_customers["id"]], [theirs["id"]], [str(new_id())], [refund["id"], *(str(new_id()) for _ in range(20))]):
        answer = await http.put(path, json={"tag_ids": ids})
        assert (answer.status_code, [problem["field"] for problem in answer.json()["error"]["fields"]]) == (422, ["tag_ids"])
    for member in (colleague, foreign.admin):
        assert (await doors.agent(member).put(path, json={"tag_ids": [refund["id"]]})).status_code == 404
    seen = (await http.get(f"/conversations/{conversation_id}")).json()

    assert seen["tags"] == []
    assert (await doors.agent(leader).put(path, json={"tag_ids": [refund["id"]]})).json()["tags"][0]["name"] == "退款"
