"""What agents see of customers without asking again: the page they are on, their card and notes; and finding them by name, phone or e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.db import Database
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations.repository import searching as found_by
from qiatan.modules.conversations.routes import customers as routes
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.sockets import SocketClient

PAGE = {"page_url": "https://shop.example/mug", "page_title": "粗陶马克杯"}
NEXT = {"page_url": "https://shop.example/orders", "page_title": "订单详情"}


@dataclass(frozen=True)
class Scene:
    """`agent` serves the guest; `leader` reaches them and `mate` by the group, `stranger` does not."""

    tenant: Tenant
    agent: Member
    mate: Member
    leader: Member
    stranger: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent, mate, stranger = [await factories.agent(tenant.enterprise_id, name=name) for name in ("顾言", "陶然", "白术")]
    group = await factories.group(tenant.enterprise_id, agent.id, mate.id)
    leader = await factories.agent(
        tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.GROUPS, frozenset({group})), name="程思远"
    )
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, agent, mate, leader, stranger, guest, await talk.served(database, guest, agent))


async def _told(socket: SocketClient, *types: str) -> list[dict[str, Any]]:
    found = [frame for frame in await socket.settle() if frame["type"] in types]
    socket.frames.clear()
    return found


async def _look(socket: SocketClient, conversation_id: UUID | None) -> None:
    await socket.send(type="viewing", conversation_id=conversation_id)
    await socket.settle()
    socket.frames.clear()


async def _key(doors: Doors, scene: Scene) -> str:
    return str((await doors.agent(scene.tenant.admin).get("/channels")).json()["items"][0]["key"])


async def test_who_looks_at_a_conversation_is_told_where_its_customer_goes(doors: Doors, clock: FakeClock, scene: Scene) -> None:
    page, leader, other = [await doors.agent_socket(who) for who in (scene.agent, scene.leader, scene.stranger)]
    visitor = doors.visitor(scene.guest.token)
    await _look(page, scene.id)
    await _look(leader, scene.id)
    await other.send(type="viewing", conversation_id=scene.id)
    assert (await visitor.post(f"/widget/{await _key(doors, scene)}/session", json=PAGE)).status_code == 200
    clock.advance(minutes=2)

    assert (await visitor.post("/widget/visit", json=NEXT)).status_code == 204

    for socket in (page, leader):
        began, went = [frame["visit"] for frame in await _told(socket, "visit")]
        assert (began["customer_id"], began["page_title"], went["page_title"]) == (str(scene.guest.customer_id), "粗陶马克杯", "订单详情")
        assert (went["id"], went["landing_url"], went["page_url"]) == (began["id"], began["landing_url"], NEXT["page_url"])
        assert went["last_seen_at"] > began["last_seen_at"]
    assert await _told(other, "visit") == []

    # and nobody any more who has turned to something else
    await _look(page, None)
    await visitor.post("/widget/visit", json=PAGE)
    assert await _told(page, "visit") == []
    assert len(await _told(leader, "visit")) == 1


async def test_a_colleagues_change_of_the_card_or_a_note_is_told_to_who_looks(doors: Doors, scene: Scene) -> None:
    page, other = await doors.agent_socket(scene.agent), await doors.agent_socket(scene.stranger)
    await _look(page, scene.id)
    http, path = doors.agent(scene.leader), f"/customers/{scene.guest.customer_id}"
    card = {"type": "customer_changed", "customer_id": str(scene.guest.customer_id), "what": "card"}

    assert (await http.patch(path, json={"fields": {"phone": "13800138000"}, "version": 1})).status_code == 200
    assert await _told(page, "customer_changed") == [card]
    assert (await http.patch(path, json={"fields": {"phone": "13800138000"}, "version": 2})).status_code == 200  # it was so already
    assert await _told(page, "customer_changed") == []
    note = (await http.post(f"{path}/notes", json={"text": "周日不收快递"})).json()
    await http.patch(f"{path}/notes/{note['id']}", json={"text": "周日收", "version": 1})
    await http.delete(f"{path}/notes/{note['id']}")
    assert await _told(page, "customer_changed") == [card | {"what": "notes"}] * 3
    assert await _told(other, "customer_changed") == []


async def test_what_the_site_says_of_its_visitor_is_told_to_who_looks(doors: Doors, scene: Scene) -> None:
    page, other = await doors.agent_socket(scene.agent), await doors.agent_socket(scene.stranger)
    await _look(page, scene.id)
    visitor = doors.visitor(scene.guest.token)
    card = {"type": "customer_changed", "customer_id": str(scene.guest.customer_id), "what": "card"}

    assert (await visitor.put("/widget/metadata", json={"values": {"order": "S2511041093"}})).status_code == 204
    assert await _told(page, "customer_changed") == [card]
    shown = (await doors.agent(scene.agent).get(f"/customers/{scene.guest.customer_id}")).json()
    assert (shown["metadata"], shown["version"]) == ({"order": "S2511041093"}, 1)

    # what was known already, or is refused, is no news
    assert (await visitor.put("/widget/metadata", json={"values": {"order": "S2511041093", "level": ""}})).status_code == 204
    assert (await visitor.put("/widget/metadata", json={"values": {"order": "x" * 501}})).status_code == 422
    assert await _told(page, "customer_changed") == []
    assert await _told(other, "customer_changed") == []


async def test_who_looks_is_told_that_a_customer_was_blocked_and_released(doors: Doors, scene: Scene) -> None:
    page, other = await doors.agent_socket(scene.agent), await doors.agent_socket(scene.stranger)
    await _look(page, scene.id)
    http, path = doors.agent(scene.leader), f"/customers/{scene.guest.customer_id}"
    card = {"type": "customer_changed", "customer_id": str(scene.guest.customer_id), "what": "card"}
    ids = {"customer_ids": [str(scene.guest.customer_id)]}

    assert (await http.post(f"{path}/block", json={"reason": "辱骂"})).status_code == 200
    assert await _told(page, "customer_changed") == [card]
    assert (await doors.agent(scene.agent).get(path)).json()["blocked"]["reason"] == "辱骂"

    # nor does it change when somebody does it again, or who may not release
    assert (await http.post(f"{path}/block", json={"reason": "辱骂"})).status_code == 409
    assert (await doors.agent(scene.agent).post("/blocked-customers/release", json=ids)).json() != ids
    assert await _told(page, "customer_changed") == []

    assert (await http.post("/blocked-customers/release", json=ids)).json() == ids
    assert await _told(page, "customer_changed") == [card]
    shown = (await doors.agent(scene.agent).get(path)).json()
    assert (shown["blocked"], shown["version"]) == (None, 1)
    assert (await http.post("/blocked-customers/release", json=ids)).json() == {"customer_ids": []}
    assert await _told(page, "customer_changed") == []
    assert await _told(other, "customer_changed") == []


async def test_a_leader_goes_on_seeing_who_looks_when_it_goes_to_somebody_of_the_group(
    database: Database, doors: Doors, scene: Scene
) -> None:
    mate = scene.mate
    leader, page = await doors.agent_socket(scene.leader), await doors.agent_socket(mate)
    await _look(leader, scene.id)

    await talk.transfer(database, scene.id, scene.agent, mate)
    await leader.settle()
    await _look(page, scene.id)

    assert {frozenset(frame["names"].values()) for frame in await _told(leader, "viewers")} >= {frozenset({"程思远", "陶然"})}
    await talk.transfer(database, scene.id, mate, scene.stranger)
    await leader.settle()
    await _look(page, None)
    assert all("陶然" not in frame["names"].values() for frame in await _told(leader, "viewers"))


async def test_places_are_told_of_those_one_may_see(doors: Doors, scene: Scene, factories: Factories) -> None:
    visitor = doors.visitor(scene.guest.token)
    await visitor.post(f"/widget/{await _key(doors, scene)}/session", json=PAGE)
    query = f"/customer-places?customer_id={scene.guest.customer_id}"

    place = (await doors.agent(scene.agent).get(query)).json()["items"]
    assert [(one["customer_id"], one["page_title"]) for one in place] == [(str(scene.guest.customer_id), "粗陶马克杯")]
    assert (await doors.agent(scene.leader).get(query)).json()["items"] == place
    foreign = await factories.tenant()
    for stranger in (scene.stranger, foreign.admin):
        assert (await doors.agent(stranger).get(query)).json() == {"items": []}
    for wrong in (
        "/customer-places",
        "/customer-places?customer_id=x",
        "/customer-places?" + "&".join(["customer_id=" + str(scene.id)] * 101),
    ):
        answer = await doors.agent(scene.agent).get(wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


async def _found(doors: Doors, member: Member, words: str) -> list[tuple[str, str]]:
    answer = await doors.agent(member).get("/customers/search", params={"q": words})
    assert answer.status_code == 200, answer.text
    return [(one["customer"]["id"], one["conversation_id"]) for one in answer.json()["items"]]


async def test_a_customer_is_found_by_name_phone_and_mail_within_ones_scope(
    doors: Doors, database: Database, factories: Factories, clock: FakeClock, scene: Scene
) -> None:
    http, customer = doors.agent(scene.agent), str(scene.guest.customer_id)
    fields = {"phone": "+86 138-0013-8000", "email": "Ruoxi@Mail.example"}
    await http.patch(f"/customers/{customer}", json={"name": "陈若溪 100%", "fields": fields, "version": 1})
    here = [(customer, str(scene.id))]

    for words in ("若溪", "0013", "138 0013", "ruoxi@MAIL", " 陈若溪 ", "100%"):
        assert await _found(doors, scene.agent, words) == here, words
        assert await _found(doors, scene.leader, words) == here, words
        assert await _found(doors, scene.stranger, words) == [], words
    for words in ("若溪x", "1 9", "_", "a0013", "80"):
        assert await _found(doors, scene.agent, words) == [], words
    assert await _found(doors, (await factories.tenant()).admin, "若溪") == []

    # the newest conversation is named, and who was never named is found by the code they are called by
    await talk.end(database, scene.agent, scene.id)
    clock.advance(minutes=1)
    again = await talk.served(database, scene.guest, scene.agent)
    assert await _found(doors, scene.agent, "若溪") == [(customer, str(again))]
    nameless = await factories.visitor(await factories.channel(scene.tenant.enterprise_id))
    conversation_id = await talk.served(database, nameless, scene.agent)
    assert await _found(doors, scene.agent, f"访客 {nameless.customer_id.hex[-5:].upper()}") == [
        (str(nameless.customer_id), str(conversation_id))
    ]


async def test_ten_at_most_and_who_was_here_last_first(
    doors: Doors, database: Database, factories: Factories, clock: FakeClock, scene: Scene
) -> None:
    channel = await factories.channel(scene.tenant.enterprise_id)
    ids = []
    for _ in range(12):
        clock.advance(minutes=2)
        guest = await factories.visitor(channel)
        await talk.served(database, guest, scene.agent)
        await doors.agent(scene.agent).patch(f"/customers/{guest.customer_id}", json={"name": "林夕", "version": 1})
        ids.append(str(guest.customer_id))

    assert [customer for customer, _ in await _found(doors, scene.agent, "林")] == ids[::-1][:10]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=" + "a" * 101, "?q=%00"])
async def test_searches_that_make_no_sense(doors: Doors, scene: Scene, query: str) -> None:
    answer = await doors.agent(scene.agent).get(f"/customers/search{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


async def test_a_search_is_bounded_and_throttled(doors: Doors, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SEARCHES", Rate(burst=2, per_minute=1))
    monkeypatch.setattr(found_by, "SECONDS", 0.0)

    answers = [(await doors.agent(scene.agent).get("/customers/search?q=ab")) for _ in range(3)]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(503, "try_again")] * 2 + [(429, "too_many")]
