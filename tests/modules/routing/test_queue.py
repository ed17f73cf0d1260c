"""The queue: places that are told when they truly change, kept over absence, given up in time, and strict under any concurrency."""

from __future__ import annotations

import asyncio
from importlib import import_module
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.routing import jobs, service
from qiatan.modules.routing.contracts.queue import QueuePlace, Routing, RoutingState
from qiatan.modules.routing.events import RoutingChanged
from qiatan.modules.routing.repository import requests
from tests.modules.routing.scene import NODE, holder, present, queueing, waiting, why
from tests.modules.routing.test_layers import drain
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


async def full_house(database: Database, factories: Factories) -> tuple[Tenant, Member, UUID]:
    """An enterprise with one agent, whose only place is taken by the conversation that is returned."""
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, max_conversations=1)
    await present(database, agent)
    [served] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    return tenant, agent, served


async def guests(database: Database, factories: Factories, tenant: Tenant, clock: FakeClock, count: int) -> list[tuple[Guest, UUID]]:
    """Visitors who write one after the other, and queue if nobody is free."""
    channel = await factories.channel(tenant.enterprise_id)
    found = []
    for _ in range(count):
        guest = await factories.visitor(channel)
        found.append((guest, (await talk.write(database, guest)).conversation_id))
        clock.advance(seconds=1)
    await drain(database, tenant.enterprise_id)
    return found


async def place(database: Database, guest: Guest) -> QueuePlace:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return await service.queue_place(tx, guest.actor)


async def stand(database: Database, tenant: Tenant) -> list[tuple[UUID, RoutingState, int | None]]:
    async with database.tenant(tenant.enterprise_id) as tx:
        shown = await service.queue(tx, tenant.admin.actor)
    return [(one.conversation_id, one.state, one.position) for one in shown.items]


async def fire_due(database: Database) -> None:
    """What the loop of timers does."""
    async with database.system() as tx:
        due = await service.dismiss_void(tx, await requests.due(tx, 1_000))
    for enterprise_id, conversation_id in due:
        async with database.tenant(enterprise_id) as tx:
            await service.fire(tx, conversation_id)


def heard(database: Database) -> list[RoutingChanged]:
    """What is told from now on."""
    told: list[RoutingChanged] = []

    def listen(events: object) -> None:
        assert isinstance(events, list)
        told.extend(event for event in events if isinstance(event, RoutingChanged))

    database.listeners.append(listen)
    return told


async def test_places_are_told_once_and_again_only_when_they_change(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agent, served = await full_house(database, factories)
    told = heard(database)
    people = await guests(database, factories, tenant, clock, 3)

    first = [(event.routing.conversation_id, event.place and event.place.position) for event in told]
    assert first == [(conversation_id, position) for position, (_, conversation_id) in enumerate(people, 1)]
    told.clear()
    await drain(database, tenant.enterprise_id)
    assert told == []

    await talk.end(database, agent, served)
    await drain(database, tenant.enterprise_id)

    by_conversation = {event.routing.conversation_id: event.place for event in told}
    assert {one: shown and (shown.state, shown.position) for one, shown in by_conversation.items()} == {
        people[0][1]: (RoutingState.PLACED, None),
        people[1][1]: (RoutingState.QUEUED, 1),
        people[2][1]: (RoutingState.QUEUED, 2),
    }
    assert (await place(database, people[1][0])).position == 1


async def test_the_expected_wait_is_told_once_enough_is_known(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agent, served = await full_house(database, factories)
    people = await guests(database, factories, tenant, clock, 6)
    assert (await place(database, people[0][0])).expected_seconds is None

    serving = served
    for _, conversation_id in people[:5]:
        async with database.system() as tx:
            await service.renew(tx, [(tenant.enterprise_id, agent.id)], NODE)
        clock.advance(seconds=50)
        await talk.end(database, agent, serving)
        await drain(database, tenant.enterprise_id)
        serving = conversation_id

    shown = await place(database, people[5][0])
    assert (shown.state, shown.position, shown.expected_seconds) == (RoutingState.QUEUED, 1, 60)


async def test_a_visitor_who_leaves_the_queue_leaves_a_message(
    doors: Doors, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, _, _ = await full_house(database, factories)
    (first, waits), (_, behind) = await guests(database, factories, tenant, clock, 2)
    http = doors.visitor(first.token)

    answer = await http.post("/widget/queue/leave")
    again = await http.post("/widget/queue/leave")
    await drain(database, tenant.enterprise_id)

    left = {"conversation_id": str(waits), "state": "message", "position": None, "expected_seconds": None, "text": ""}
    assert (answer.status_code, answer.json()) == (200, left)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_queued")
    assert await stand(database, tenant) == [(behind, RoutingState.QUEUED, 1), (waits, RoutingState.MESSAGE, None)]
    assert (await why(database, tenant, waits))[-1].steps[-1].reason == "left"


async def test_a_place_is_kept_over_a_minute_of_absence_and_given_up_then(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, _, _ = await full_house(database, factories)
    (away, lost), (back, kept), (_, connected) = await guests(database, factories, tenant, clock, 3)
    here: set[UUID] = set()

    async def renew() -> None:
        async with database.system() as tx:
            await service.renew_queued(tx, here.__contains__)

    async with database.tenant(tenant.enterprise_id) as tx:
        row = await requests.RequestRepository(tx, tenant.enterprise_id).get(connected)
    assert row is not None
    here.add(row.customer_id)
    for _ in range(6):
        clock.advance(seconds=10)
        await renew()
        await fire_due(database)
    await place(database, back)  # the page is open again and asks
    assert [state for _, state, _ in await stand(database, tenant)] == [RoutingState.QUEUED] * 3
    for _ in range(3):
        clock.advance(seconds=10)
        await renew()
        await fire_due(database)
    await drain(database, tenant.enterprise_id)

    assert await stand(database, tenant) == [
        (kept, RoutingState.QUEUED, 1),
        (connected, RoutingState.QUEUED, 2),
        (lost, RoutingState.MESSAGE, None),
    ]
    assert (await why(database, tenant, lost))[-1].steps[-1].reason == "went_away"
    assert (await place(database, away)).state is RoutingState.MESSAGE


async def test_where_more_are_in_the_queue_than_are_renewed_at_once_those_come_first_whose_time_is_nearest(
    database: Database, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, _, _ = await full_house(database, factories)
    [(_, first), (_, second), (_, third)] = await guests(database, factories, tenant, clock, 3)
    monkeypatch.setattr(import_module("qiatan.modules.routing.service.queue"), "RENEWED_AT_ONCE", 2)
    nearest = text("UPDATE routing_requests SET present_until = present_until - interval '30 seconds' WHERE conversation_id = :id")
    async with database.system() as tx:
        await tx.session.execute(nearest, {"id": first})

    clock.advance(seconds=30)
    async with database.system() as tx:
        await service.renew_queued(tx, lambda _: True)
    clock.advance(seconds=50)
    await fire_due(database)
    await drain(database, tenant.enterprise_id)

    states = {conversation_id: state for conversation_id, state, _ in await stand(database, tenant)}
    assert states == {first: RoutingState.QUEUED, second: RoutingState.QUEUED, third: RoutingState.MESSAGE}


async def test_the_longest_wait_ends_in_a_message_also_when_it_is_set_later(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, _, _ = await full_house(database, factories)
    [(_, waits)] = await guests(database, factories, tenant, clock, 1)
    await queueing(database, tenant, max_wait_minutes=1)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.new_longest_wait(tx)
    clock.advance(seconds=58)
    await fire_due(database)
    assert await stand(database, tenant) == [(waits, RoutingState.QUEUED, 1)]

    clock.advance(seconds=2)
    await fire_due(database)

    assert await stand(database, tenant) == [(waits, RoutingState.MESSAGE, None)]
    assert (await why(database, tenant, waits))[-1].steps[-1].reason == "waited_too_long"


async def test_a_new_longest_wait_reaches_who_waits_also_when_only_the_job_is_left_of_the_change(
    database: Database, factories: Factories, resources: Resources, clock: FakeClock
) -> None:
    tenant, _, _ = await full_house(database, factories)
    [(_, waits)] = await guests(database, factories, tenant, clock, 1)
    await queueing(database, tenant, max_wait_minutes=1)  # nobody listens to the event here
    clock.advance(seconds=60)
    await fire_due(database)
    assert await stand(database, tenant) == [(waits, RoutingState.QUEUED, 1)]

    async with database.system() as tx:
        left = await tx.session.execute(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'routing.new_longest_wait' AND args->>'enterprise_id' = :id"),
            {"id": str(tenant.enterprise_id)},
        )
        [arguments] = left.scalars()
    for _ in range(2):
        await jobs.new_longest_wait.run(resources, **arguments)
    await fire_due(database)

    assert await stand(database, tenant) == [(waits, RoutingState.MESSAGE, None)]
    assert (await why(database, tenant, waits))[-1].steps[-1].reason == "waited_too_long"


async def test_nobody_online_leaves_a_message_that_is_assigned_when_somebody_comes(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    [left] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    assert await stand(database, tenant) == [(left, RoutingState.MESSAGE, None)]

    await present(database, agent)
    await drain(database, tenant.enterprise_id)

    assert await holder(database, tenant, left) == agent.id


async def test_a_conversation_that_ends_in_the_queue_leaves_it_also_when_the_news_is_lost(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, _, _ = await full_house(database, factories)
    (_, ended), (_, behind) = await guests(database, factories, tenant, clock, 2)
    await talk.end(database, tenant.admin, ended)  # nothing listens

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.end_forgotten(tx) == 1
    await drain(database, tenant.enterprise_id)

    assert await stand(database, tenant) == [(behind, RoutingState.QUEUED, 1)]


async def test_fifty_at_once_fill_a_queue_of_ten_to_the_last_place_and_no_further(database: Database, factories: Factories) -> None:
    tenant, _, _ = await full_house(database, factories)
    await queueing(database, tenant, limit=10)
    ids = await waiting(database, factories, tenant.enterprise_id, 50)

    connections = asyncio.Semaphore(8)

    async def place_one(conversation_id: UUID) -> None:
        async with connections, database.tenant(tenant.enterprise_id) as tx:
            await service.place(tx, conversation_id)

    await asyncio.gather(*(place_one(one) for one in ids))

    states = [state for _, state, _ in await stand(database, tenant)]
    assert (states.count(RoutingState.QUEUED), states.count(RoutingState.MESSAGE)) == (10, 40)


async def test_two_hundred_arrive_at_once_for_ten_places(app: FastAPI, database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    await queueing(database, tenant, limit=1_000)
    agents = [await factories.agent(tenant.enterprise_id, max_conversations=2) for _ in range(5)]
    await present(database, *agents)
    channel = await factories.channel(tenant.enterprise_id)
    people = [await factories.visitor(channel) for _ in range(200)]

    acks = await talk.write_at_once(database, people)

    async with asyncio.timeout(180):
        while len(rows := await stand(database, tenant)) != 190 or any(position is None for _, _, position in rows):
            await asyncio.sleep(0.05)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert {one.agent_id: one.open for one in await service.candidates(tx) if one.open} == {agent.id: 2 for agent in agents}
    served = {ack.conversation_id for ack in acks} - {conversation_id for conversation_id, _, _ in rows}
    # First come, first served: of one moment (the clock stands still here), the ids tell who came first.
    assert served | {conversation_id for conversation_id, _, _ in rows} == {ack.conversation_id for ack in acks}
    assert [position for _, _, position in rows] == list(range(1, 191))
    assert [conversation_id for conversation_id, _, _ in rows] == sorted(conversation_id for conversation_id, _, _ in rows)


async def test_the_queue_s_doors(doors: Doors, database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agent, served = await full_house(database, factories)
    await queueing(database, tenant, text="马上就来")
    [(guest, waits)] = await guests(database, factories, tenant, clock, 1)
    http = doors.agent(agent)

    queue, own, waiting_ones, one = [
        (await http.get(path)).json()
        for path in ("/queue", "/routings?view=mine", "/routings?view=queue", f"/conversations/{waits}/routing")
    ]

    assert (queue["length"], queue["limit"], [row["conversation_id"] for row in queue["items"]]) == (1, 20, [str(waits)])
    assert [(row["conversation_id"], row["state"]) for row in own["items"]] == [(str(served), "placed")]
    assert waiting_ones["items"] == [one]
    assert Routing.model_validate(one).position == 1
    shown = (await doors.visitor(guest.token).get("/widget/queue")).json()
    assert shown == {"conversation_id": str(waits), "state": "queued", "position": 1, "expected_seconds": None, "text": "马上就来"}
    assert (await http.get("/routings?view=ended")).status_code == 422


async def test_who_was_answered_and_queues_again_gives_the_place_up_like_anybody_else(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agent, answered = await full_house(database, factories)
    await talk.answer(database, agent, answered)
    other = await factories.agent(tenant.enterprise_id, max_conversations=1)
    await present(database, other)
    await guests(database, factories, tenant, clock, 1)
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE agents SET enabled = false WHERE id = :id"), {"id": agent.id})
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.release_idle(tx, {agent.id})
    await drain(database, tenant.enterprise_id)
    queued = await stand(database, tenant)
    clock.advance(minutes=5)  # and the page is closed

    await fire_due(database)

    assert queued == [(answered, RoutingState.QUEUED, 1)]
    assert await stand(database, tenant) == [(answered, RoutingState.MESSAGE, None)]


@pytest.mark.parametrize("path", ["/widget/queue", "/widget/queue/leave"])
async def test_who_has_no_conversation_has_no_place(doors: Doors, factories: Factories, path: str) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    http = doors.visitor(guest.token)

    answer = await (http.get(path) if path == "/widget/queue" else http.post(path))

    if path == "/widget/queue":
        assert answer.json() == {"conversation_id": None, "state": "ended", "position": None, "expected_seconds": None, "text": ""}
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_queued")


async def test_a_frame_tells_the_visitor_and_the_agents(doors: Doors, database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agent, served = await full_house(database, factories)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor, watching = await doors.visitor_socket(guest.token), await doors.agent_socket(agent)
    for socket, topic in ((visitor, "mine"), (watching, "queue")):
        await socket.send(type="subscribe", topic=topic)
        await socket.next("subscribed")

    await talk.write(database, guest)
    told, shown = await visitor.next("queue"), await watching.next("routing")

    assert (told["place"]["state"], told["place"]["position"]) == ("queued", 1)
    assert (shown["routing"]["state"], shown["routing"]["position"]) == ("queued", 1)
    await talk.end(database, agent, served)
    assert (await visitor.next("queue"))["place"]["state"] == "placed"
