"""Settings of routing: versions, what is refused by field, the audit log, who is told, and working hours that come true."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.hours import SaveHours
from qiatan.modules.routing.contracts.settings import BaseRule, SaveAssignment
from qiatan.modules.routing.service.settings import load_assignment, load_queue
from qiatan.modules.routing.subscribers import HoursKeeper
from tests.guarantees.world import checksum
from tests.modules.routing import scene
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories

PARTS = ["assignment", "queue", "transfers", "hours"]
OFFICE = [[{"start": "09:00", "until": "12:00"}, {"start": "13:30", "until": "18:00"}]] * 5 + [[], []]
CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "assignment": ({"base_rule": "rotate"}, {"base_rule": ["load", "rotate"]}),
    "queue": ({"limit": 30, "text": "请稍候"}, {"limit": [20, 30], "text": ["", "请稍候"]}),
    "transfers": ({"steps": [{"seconds": 30}]}, {"steps": [[], [{"seconds": 30, "group_id": None}]]}),
    "hours": ({"outside": "queue"}, {"outside": ["message", "queue"]}),
}
HOLIDAYS = Path(__file__).parents[3] / "docs" / "examples" / "holidays-2026.csv"


def a_rule(**fields: Any) -> dict[str, Any]:
    condition = {"kind": "visitor", "field": "landing_page", "operator": "contains", "values": ["/vip"]}
    return {"id": str(uuid4()), "name": "贵宾", "groups": [{"conditions": [condition]}], **fields}


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_is_saved_with_its_version_and_its_trace(database: Database, doors: Doors, factories: Factories, part: str) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    socket = await doors.agent_socket(tenant.admin)
    new, told = CHANGED[part]
    first = (await http.get(f"/routing/{part}")).json()
    assert first["version"] == 0

    answer = await http.put(f"/routing/{part}", json={"settings": {**first["settings"], **new}, "version": 0})

    assert (answer.status_code, answer.json()["version"]) == (200, 1), answer.text
    assert (await http.get(f"/routing/{part}")).json() == answer.json()
    assert await socket.next("changed") == {"type": "changed", "object": "routing", "id": str(tenant.enterprise_id), "version": 1}
    assert await scene.audited(database, tenant.enterprise_id, f"{part}.changed") == [told]
    again = await http.put(f"/routing/{part}", json={"settings": first["settings"], "version": 0})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "version_conflict")
    assert (await http.get(f"/routing/{part}")).json() == answer.json()
    assert await scene.audited(database, tenant.enterprise_id, f"{part}.changed") == [told]


@pytest.mark.parametrize("part", PARTS)
async def test_who_may_not_change_it_changes_nothing(database: Database, doors: Doors, factories: Factories, part: str) -> None:
    tenant = await factories.tenant()
    group_id = await factories.group(tenant.enterprise_id)
    narrow = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.GROUPS, frozenset({group_id})))
    viewer = await factories.agent(tenant.enterprise_id, points=frozenset({"routing.view"}), scope=Scope(ScopeKind.ALL))
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    for member in (narrow, viewer):
        http = doors.agent(member)
        assert (await http.get(f"/routing/{part}")).status_code == 200
        answer = await http.put(f"/routing/{part}", json={"settings": {}, "version": 0})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")

    assert await checksum(database, tenant.enterprise_id) == before


async def test_ten_who_save_at_once_are_one(database: Database, factories: Factories, resources: Resources) -> None:
    tenant = await factories.tenant()

    async def save(rule: BaseRule) -> int:
        async with database.tenant(tenant.enterprise_id) as tx:
            command = SaveAssignment.model_validate({"settings": {"base_rule": rule}, "version": 0})
            return (await service.save_assignment(tx, tenant.admin.actor, command, geo=resources.geo)).version

    results = await asyncio.gather(*(save(rule) for rule in list(BaseRule) * 2), return_exceptions=True)

    assert [result for result in results if isinstance(result, int)] == [1]
    assert len(await scene.audited(database, tenant.enterprise_id, "assignment.changed")) == 1


async def test_what_was_saved_and_rolled_back_is_remembered_by_nobody(
    database: Database, factories: Factories, resources: Resources
) -> None:
    tenant = await factories.tenant()
    await scene.queueing(database, tenant, limit=5)

    async def save(rule: str, *, fail: bool) -> None:
        command = SaveAssignment.model_validate({"settings": {"base_rule": rule}, "version": 0})
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.save_assignment(tx, tenant.admin.actor, command, geo=resources.geo)
            assert (await load_assignment(tx))[0].base_rule == rule
            if fail:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await save("random", fail=True)
    await save("priority", fail=False)

    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await load_assignment(tx))[0].base_rule is BaseRule.PRIORITY
        assert (await load_queue(tx)).limit == 5


async def test_agents_and_groups_of_others_are_refused_by_field(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    theirs = str(await factories.group(other.enterprise_id, other.admin.id))
    http = doors.agent(tenant.admin)
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    async def refused(part: str, settings: dict[str, Any]) -> list[str]:
        answer = await http.put(f"/routing/{part}", json={"settings": settings, "version": 0})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input"), answer.text
        return [problem["field"] for problem in answer.json()["error"]["fields"]]

    week: list[list[object]] = [[] for _ in range(7)]
    assert await refused("assignment", {"order": [str(tenant.admin.id), str(other.admin.id)]}) == ["settings.order.1"]
    assert await refused("assignment", {"rules": [a_rule(agent_ids=[str(other.admin.id)])]}) == ["settings.rules.0.agent_ids.0"]
    assert await refused("assignment", {"rules": [a_rule(group_ids=[theirs])]}) == ["settings.rules.0.group_ids.0"]
    assert await refused("transfers", {"steps": [{"seconds": 30, "group_id": theirs}]}) == ["settings.steps.0.group_id"]
    assert await refused("hours", {"groups": [{"group_id": theirs, "week": week}]}) == ["settings.groups.0.group_id"]
    assert await checksum(database, tenant.enterprise_id) == before


async def test_what_blocks_is_named_and_what_does_not_is_shown(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    empty = str(await factories.group(tenant.enterprise_id))
    http = doors.agent(tenant.admin)

    bad = a_rule(groups=[{"conditions": [{"kind": "visitor", "field": "landing_page", "operator": "matches", "values": ["(("]}]}])
    refused = await http.put("/routing/assignment", json={"settings": {"rules": [bad]}, "version": 0})
    checked = await http.post("/routing/assignment/check", json={"settings": {"rules": [bad]}})
    saved = await http.put("/routing/assignment", json={"settings": {"rules": [a_rule(group_ids=[empty])]}, "version": 0})
    late = await http.put("/routing/transfers", json={"settings": {"steps": [{"seconds": 60}, {"seconds": 60}]}, "version": 0})
    hours = await http.put("/routing/hours", json={"settings": {"week": [[{"start": "18:00", "until": "09:00"}], *[[]] * 6]}, "version": 0})

    fields = {problem["field"]: problem["code"] for problem in refused.json()["error"]["fields"]}
    assert fields == {"settings.rules.0.agent_ids": "no_targets", "settings.rules.0.groups.0.conditions.0.values.0": "bad_expression"}
    assert {(found["code"], found["blocking"]) for found in checked.json()["items"]} >= {("no_targets", True), ("bad_expression", True)}
    assert [(found["field"], found["code"]) for found in saved.json()["problems"]] == [("rules.0.group_ids.0", "empty_group")]
    assert late.json()["error"]["fields"][0]["field"] == "settings.steps.1.seconds"
    assert hours.json()["error"]["fields"][0]["field"] == "settings.week.0.0.until"


async def test_a_group_that_is_gone_since_may_stay_named(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    group_id = await factories.group(tenant.enterprise_id, tenant.admin.id)
    http = doors.agent(tenant.admin)
    settings = {"steps": [{"seconds": 30, "group_id": str(group_id)}]}
    assert (await http.put("/routing/transfers", json={"settings": settings, "version": 0})).status_code == 200
    assert (await http.request("DELETE", f"/groups/{group_id}", json={"version": 1})).status_code == 204

    answer = await http.put("/routing/transfers", json={"settings": {**settings, "ask": True}, "version": 1})

    assert answer.status_code == 200, answer.text
    assert [(found["field"], found["code"]) for found in answer.json()["problems"]] == [("steps.0.group_id", "unknown_group")]


async def test_a_calendar_is_read_into_the_hours_and_saved_with_them(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    calendar = (await http.post("/routing/hours/calendar", files={"file": ("holidays.csv", HOLIDAYS.read_bytes(), "text/csv")})).json()

    assert (len(calendar["days"]), calendar["faults"]) == (39, [])
    assert await checksum(database, tenant.enterprise_id) == before
    settings = {"enabled": True, "week": OFFICE, "exceptions": calendar["days"]}
    saved = (await http.put("/routing/hours", json={"settings": settings, "version": 0})).json()
    # Monday noon in Shanghai: the morning is over, the afternoon begins at half past one.
    assert (saved["open_now"], saved["changes_at"], saved["timezone"]) == (False, "2026-03-02T05:30:00Z", "Asia/Shanghai")

    async def stands() -> tuple[bool, datetime | None]:
        async with database.tenant(tenant.enterprise_id) as tx:
            hours = await service.see_hours(tx, tenant.admin.actor)
        return hours.open_now, hours.changes_at

    clock.advance(days=212, hours=-2)  # 30 September, ten in the morning: a Wednesday
    assert await stands() == (True, datetime(2026, 9, 30, 4, tzinfo=UTC))
    clock.advance(hours=10)
    assert await stands() == (False, datetime(2026, 10, 8, 1, tzinfo=UTC))
    clock.advance(days=9, hours=14)  # Saturday, 10 October, at ten: worked instead
    assert await stands() == (True, datetime(2026, 10, 10, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("content", "status", "code"), [(b"\x00\x01", 422, "invalid_input"), (b"x" * (1024 * 1024 + 1), 413, "too_large"), (b"", 200, "")]
)
async def test_what_is_no_calendar(doors: Doors, factories: Factories, content: bytes, status: int, code: str) -> None:
    http = doors.agent((await factories.tenant()).admin)

    answer = await http.post("/routing/hours/calendar", files={"file": ("x.csv", content, "text/csv")})

    assert (answer.status_code, answer.json().get("error", {}).get("code", "")) == (status, code)


async def test_visitors_hear_when_working_time_begins_and_ends(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await scene.present(database, tenant.admin)
    visitor, http = await doors.visitor_socket(guest.token), doors.visitor(guest.token)
    assert (await http.get("/widget/availability")).json() == {"online": True}

    saved = await doors.agent(tenant.admin).put("/routing/hours", json={"settings": {"enabled": True, "week": OFFICE}, "version": 0})

    assert saved.status_code == 200
    assert (await visitor.next("availability"))["online"] is False
    assert (await http.get("/widget/availability")).json() == {"online": False}
    clock.advance(minutes=90)
    await scene.present(database, tenant.admin)  # the lease of noon is over
    assert (await visitor.next("availability"))["online"] is True
    assert (await http.get("/widget/availability")).json() == {"online": True}


async def test_who_waits_is_looked_at_when_working_time_begins(
    app: FastAPI, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        from_page = {"settings": {"enabled": True, "week": OFFICE, "outside": "queue"}, "version": 0}
        await service.save_hours(tx, tenant.admin.actor, SaveHours.model_validate(from_page))
    [conversation_id] = await scene.waiting(database, factories, tenant.enterprise_id)
    clock.advance(minutes=89, seconds=30)
    await scene.present(database, tenant.admin)
    async with asyncio.timeout(5):
        while [found.outcome for found in await scene.why(database, tenant, conversation_id)] != ["queued"]:
            await asyncio.sleep(0.01)

    clock.advance(seconds=30)

    async with asyncio.timeout(5):
        while await scene.holder(database, tenant, conversation_id) != tenant.admin.id:
            await asyncio.sleep(0.01)


async def test_the_keeper_of_hours_tells_of_each_change_once(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        from_page = {"settings": {"enabled": True, "week": OFFICE}, "version": 0}
        await service.save_hours(tx, tenant.admin.actor, SaveHours.model_validate(from_page))
    told: list[object] = []
    database.listeners.append(lambda events: told.extend(e for e in events if e.enterprise_id == tenant.enterprise_id))
    keeper = HoursKeeper(resources)

    await keeper.turn()
    told.clear()
    await keeper.turn()
    assert told == []
    clock.advance(minutes=90)
    await keeper.turn()
    await keeper.turn()

    assert [type(event).__name__ for event in told] == ["OpeningChanged"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "body", [{}, [], {"settings": None, "version": 0}, {"settings": {"x": 1}, "version": 0}, {"settings": {}, "version": -1}]
)
async def test_bodies_that_make_no_sense(doors: Doors, factories: Factories, part: str, body: Any) -> None:
    http = doors.agent((await factories.tenant()).admin)

    answer = await http.put(f"/routing/{part}", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert (await http.get(f"/routing/{part}")).json()["version"] == 0


async def test_an_order_of_ten_thousand(doors: Doors, factories: Factories) -> None:
    http = doors.agent((await factories.tenant()).admin)

    answer = await http.put("/routing/assignment", json={"settings": {"order": [str(new_id()) for _ in range(10_000)]}, "version": 0})

    assert answer.status_code == 422
    assert len(answer.json()["error"]["fields"]) == 50
