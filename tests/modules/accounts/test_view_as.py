"""Looking at the product as a colleague: what is seen, that nothing can be changed, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import Scope, ScopeKind
from tests.guarantees.world import World, checksum, make_world
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member
from tests.support.sockets import SocketClient

HEADER = "X-Qiatan-View-As"


@dataclass
class View:
    """The administrator who looks as `server`, and how their two tabs ask."""

    world: World
    token: str
    own: httpx.AsyncClient
    looking: httpx.AsyncClient


@pytest.fixture
async def world(doors: Doors, database: Database, factories: Factories) -> World:
    return await make_world(doors, database, factories)


async def _grant(doors: Doors, viewer: Member, agent_id: UUID) -> str:
    answer = await doors.agent(viewer).post(f"/agents/{agent_id}/view-as")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


@pytest.fixture
async def view(doors: Doors, world: World) -> View:
    admin = world.tenant.admin
    token = await _grant(doors, admin, world.server.id)
    return View(world, token, doors.agent(admin), doors.agent(admin, headers={HEADER: token}))


async def _socket(doors: Doors, viewer: Member, token: str) -> SocketClient:
    return await doors.socket(cookie=viewer.session_token, hello={"view_as": token})


async def _sql(database: Database, statement: str, **values: Any) -> None:
    async with database.system() as tx:
        await tx.session.execute(text(statement), values)


def _is_over(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["error"]["code"]) == (403, "view_ended")


# -- what is seen


async def test_the_product_looks_as_it_does_to_the_colleague(view: View) -> None:
    world = view.world

    me = (await view.looking.get("/me")).json()

    assert me["agent"]["id"] == str(world.server.id)
    assert me["points"] == sorted(points_of("agent"))
    assert me["viewer"] == {"id": str(world.tenant.admin.id), "name": "沈知夏", "expires_at": "2026-03-02T04:30:00Z"}
    assert [item["id"] for item in (await view.looking.get("/conversations?view=mine")).json()["items"]] == [
        str(world.ids["conversation_id"])
    ]
    assert (await view.looking.get("/agents")).status_code == 403
    own = (await view.own.get("/me")).json()
    assert (own["agent"]["id"], own["viewer"]) == (str(world.tenant.admin.id), None)


async def test_looking_is_in_the_audit_log(view: View) -> None:
    entry = (await view.own.get("/audit?action=agent.viewed_as")).json()["items"][0]

    assert entry["actor"]["id"] == str(view.world.tenant.admin.id)
    assert entry["subject"] == {"kind": "agent", "id": str(view.world.server.id), "name": "顾言"}


async def test_what_is_audited_while_looking_names_who_looks(doors: Doors, world: World, factories: Factories) -> None:
    auditor = await factories.agent(world.tenant.enterprise_id, points=frozenset({"audit.export"}))
    token = await _grant(doors, world.tenant.admin, auditor.id)

    await doors.agent(world.tenant.admin, headers={HEADER: token}).get("/audit/export")

    entry = (await doors.agent(world.tenant.admin).get("/audit?action=audit.exported")).json()["items"][0]
    assert entry["actor"]["id"] == str(world.tenant.admin.id)


# -- nothing can be changed


async def test_every_frame_that_changes_something_is_refused(doors: Doors, database: Database, view: View) -> None:
    world = view.world
    conversation_id = str(world.ids["conversation_id"])
    before = await checksum(database, world.tenant.enterprise_id)
    socket = await _socket(doors, world.tenant.admin, view.token)

    for frame in (
        {"type": "send", "client_message_id": str(new_id()), "conversation_id": conversation_id, "text": "假的"},
        {"type": "withdraw", "client_message_id": str(new_id()), "conversation_id": conversation_id, "seq": 4},
        {"type": "read", "conversation_id": conversation_id, "seq": 4},
        {"type": "typing", "conversation_id": conversation_id},
    ):
        await socket.send(**frame)
        assert (await socket.next("error"))["code"] == "read_only_view", frame

    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_a_view_is_no_way_to_another_view(view: View) -> None:
    refused = await view.looking.post(f"/agents/{view.world.colleague.id}/view-as")

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "read_only_view")


# -- the socket


async def test_the_socket_hears_what_the_colleague_hears(doors: Doors, database: Database, view: View) -> None:
    world = view.world
    socket = await doors.socket(cookie=world.tenant.admin.session_token)
    await socket.send(type="hello", protocol=1, view_as=view.token)

    assert (await socket.next("welcome"))["me"] == {"kind": "agent", "id": str(world.server.id)}
    await socket.send(type="subscribe", topic="mine")
    assert [row["id"] for row in (await socket.next("subscribed"))["conversations"]] == [str(world.ids["conversation_id"])]
    await socket.send(type="subscribe", topic="colleagues")
    assert (await socket.next("error"))["code"] == "not_allowed"
    await talk.write(database, world.guest, "还在吗")
    assert (await socket.next("message"))["text"] == "还在吗"
    own = await doors.agent_socket(world.server)
    await own.send(type="ping")
    await socket.send(type="ping")
    assert (await socket.next("pong"))["digest"] == (await own.next("pong"))["digest"]


async def test_looking_makes_nobody_present(doors: Doors, view: View) -> None:
    socket = await _socket(doors, view.world.tenant.admin, view.token)
    await socket.settle()

    present = {row["agent_id"]: row["connected"] for row in (await view.own.get("/presence")).json()["items"]}

    assert not present.get(str(view.world.server.id), False)
    assert not present.get(str(view.world.tenant.admin.id), False)
    await socket.close()


async def test_long_polling_looks_too(doors: Doors, view: View) -> None:
    http = doors.agent(view.world.tenant.admin)
    opened = await http.post("/poll", json={"hello": {"protocol": 1, "view_as": view.token}})

    frames = (await http.post(f"/poll/{opened.json()['poll_id']}", json={"frames": []})).json()["frames"]

    assert frames[0]["me"]["id"] == str(view.world.server.id)
    assert _is_over(await http.post("/poll", json={"hello": {"protocol": 1, "view_as": "x"}}))


# -- who may


async def test_only_the_session_that_asked_may_use_it(doors: Doors, factories: Factories, view: View) -> None:
    admin = view.world.tenant.admin
    elsewhere = doors.agent(await factories.session(admin), headers={HEADER: view.token})
    colleague = doors.agent(view.world.narrow, headers={HEADER: view.token})
    foreign = doors.agent((await factories.tenant()).admin, headers={HEADER: view.token})

    assert [_is_over(await http.get("/me")) for http in (elsewhere, colleague, foreign)] == [True, True, True]
    nobody = await doors.stranger(headers={HEADER: view.token}).get("/me")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "not_signed_in")


async def test_a_ticket_that_is_not_ours_is_worth_nothing(doors: Doors, resources: Resources, view: View) -> None:
    packed, _, signature = view.token.partition(".")
    other = Sealer(b"k" * 32).sign(b"x", purpose="view-as").hex()
    tampered = [
        "",
        ".",
        "x",
        packed,
        f"{packed}.",
        f"{packed}.{signature[:-2]}AA",
        f"{packed[:-4]}AAAA.{signature}",
        f"{packed}.{other}",
        f"{packed}.{signature}.x",
        "a" * 5_000,
        "ä.ö",
    ]
    for ticket in tampered:
        answer = await view.own.get("/me", headers={HEADER.encode(): ticket.encode()})
        assert _is_over(answer), ticket


async def test_whom_one_may_not_look_as(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    enterprise_id = world.tenant.enterprise_id
    group = await factories.group(enterprise_id, world.server.id)
    leader = await factories.agent(
        enterprise_id, points=points_of("agent") | {"agents.view_as"}, scope=Scope(ScopeKind.GROUPS, frozenset({group}))
    )
    mighty = await factories.agent(enterprise_id, points=points_of("agent") | {"channels.edit"}, group_ids=(group,))
    wide = await factories.agent(enterprise_id, scope=Scope(ScopeKind.ALL), group_ids=(group,))
    off = await factories.agent(enterprise_id, enabled=False, group_ids=(group,))
    pending = await factories.agent(enterprise_id, pending=True, group_ids=(group,))
    other = await factories.tenant()
    before = await checksum(database, enterprise_id)
    http = doors.agent(leader)

    statuses = [
        (await http.post(f"/agents/{agent_id}/view-as")).status_code
        for agent_id in (leader.id, mighty.id, wide.id, off.id, pending.id, world.colleague.id, other.admin.id, new_id())
    ]
    ordinary = (await doors.agent(world.server).post(f"/agents/{world.colleague.id}/view-as")).status_code

    assert statuses == [403, 403, 403, 403, 403, 404, 404, 404]
    assert ordinary == 403
    assert await checksum(database, enterprise_id) == before
    assert (await http.post(f"/agents/{world.server.id}/view-as")).status_code == 200


# -- when it ends


async def test_it_ends_after_half_an_hour(doors: Doors, view: View, clock: FakeClock) -> None:
    gateway: Gateway = doors.app.state.gateway
    socket = await _socket(doors, view.world.tenant.admin, view.token)
    clock.advance(minutes=29, seconds=59)
    gateway.sweeper.end_views()
    still = await view.looking.get("/me")
    await socket.settle()
    clock.advance(seconds=1)
    gateway.sweeper.end_views()

    assert still.status_code == 200
    assert _is_over(await view.looking.get("/me"))
    assert await socket.until_closed() == 4401
    assert socket.frames[-1]["code"] == "view_ended"
    assert clock.now() > NOON


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE agents SET enabled = false WHERE id = :server",
        "UPDATE agents SET scope_kind = 'self' WHERE id = :viewer",
        "UPDATE agents SET scope_kind = 'all' WHERE id = :server; UPDATE agents SET scope_kind = 'groups' WHERE id = :viewer",
        "UPDATE roles SET points = array_remove(points, 'agents.view_as') WHERE id = (SELECT role_id FROM agents WHERE id = :viewer)",
        "UPDATE roles SET points = array_remove(points, 'customers.edit') WHERE id = (SELECT role_id FROM agents WHERE id = :viewer)",
    ],
    ids=["disabled", "out of scope", "wider than the viewer", "right lost", "more than the viewer"],
)
async def test_it_ends_when_it_would_not_be_given_any_more(
    doors: Doors, database: Database, factories: Factories, world: World, loss: str
) -> None:
    viewer = await factories.agent(world.tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    token = await _grant(doors, viewer, world.server.id)
    looking = doors.agent(viewer, headers={HEADER: token})
    before = await looking.get("/me")
    for statement in loss.split("; "):
        await _sql(
            database,
            statement,
            **{name: member.id for name, member in (("server", world.server), ("viewer", viewer)) if f":{name}" in statement},
        )

    assert before.status_code == 200
    assert _is_over(await looking.get("/me"))
    socket = await doors.socket(cookie=viewer.session_token)
    await socket.send(type="hello", protocol=1, view_as=token)
    assert await socket.until_closed() == 4401
    assert [frame["code"] for frame in socket.frames] == ["view_ended"]
    assert (await doors.agent(viewer).get("/me")).status_code == 200


async def test_signing_out_ends_the_view_and_its_socket(doors: Doors, view: View) -> None:
    socket = await _socket(doors, view.world.tenant.admin, view.token)
    target = await doors.agent_socket(view.world.server)

    await view.own.delete("/session")

    assert await socket.until_closed() == 4401
    assert socket.frames[-1]["code"] == "signed_out"
    assert (await view.looking.get("/me")).status_code == 401
    await target.settle()


async def test_a_session_of_the_viewer_elsewhere_ends_without_the_view(doors: Doors, factories: Factories, view: View) -> None:
    other = await factories.session(view.world.tenant.admin)
    socket = await _socket(doors, view.world.tenant.admin, view.token)

    await doors.agent(other).delete("/session")
    await socket.settle()

    assert socket.close_code is None


async def test_the_viewers_socket_follows_changes_of_the_colleagues_rights(doors: Doors, view: View) -> None:
    socket = await _socket(doors, view.world.tenant.admin, view.token)
    server = view.world.server
    agent = (await view.own.get(f"/agents/{server.id}")).json()

    await view.own.patch(f"/agents/{server.id}", json={"scope": {"kind": "all"}, "version": agent["version"]})

    assert await socket.until_closed() == 1012
    assert socket.frames[-1]["code"] == "replaced"
    again = await _socket(doors, view.world.tenant.admin, view.token)
    await again.settle()


async def test_the_viewers_socket_closes_when_the_colleague_is_disabled(doors: Doors, view: View) -> None:
    socket = await _socket(doors, view.world.tenant.admin, view.token)
    server = view.world.server
    agent = (await view.own.get(f"/agents/{server.id}")).json()

    await view.own.patch(f"/agents/{server.id}", json={"enabled": False, "version": agent["version"]})

    assert await socket.until_closed() == 1012
    assert _is_over(await view.looking.get("/me"))


# -- a second factor that is still to be added


async def test_who_must_add_a_second_factor_opens_no_socket(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    member = await factories.agent(world.tenant.enterprise_id, points=points_of("agent"))
    await _sql(database, "UPDATE roles SET requires_two_factor = true WHERE id = (SELECT role_id FROM agents WHERE id = :id)", id=member.id)
    socket = await doors.socket(cookie=member.session_token)

    await socket.send(type="hello", protocol=1)

    assert await socket.until_closed() == 4401
    assert [frame["code"] for frame in socket.frames] == ["two_factor_required"]
    polled = await doors.agent(member).post("/poll", json={"hello": {"protocol": 1}})
    assert (polled.status_code, polled.json()["error"]["code"]) == (403, "two_factor_required")
