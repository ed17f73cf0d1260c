"""How many polling clients a visitor and an enterprise may have."""

from __future__ import annotations

import httpx
import pytest

from qiatan.entrypoints import polling
from qiatan.infra import metrics
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0.05)


async def _open(http: httpx.AsyncClient, guest: Guest) -> httpx.Response:
    return await http.post("/poll", json={"hello": {"protocol": 1, "token": guest.token}})


async def _status(http: httpx.AsyncClient, guest: Guest, poll_id: str) -> int:
    headers = {"Authorization": f"Bearer {guest.token}"}
    return (await http.post(f"/poll/{poll_id}", json={"frames": []}, headers=headers)).status_code


async def test_of_one_visitor_the_oldest_ends_for_the_newest(doors: Doors, factories: Factories) -> None:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    http = doors.stranger()
    beside = (await _open(http, other)).json()["poll_id"]

    ids = [(await _open(http, guest)).json()["poll_id"] for _ in range(7)]

    assert [await _status(http, guest, poll_id) for poll_id in ids] == [404] * 2 + [200] * 5
    assert await _status(http, other, beside) == 200


async def test_one_enterprise_leaves_places_to_the_others(doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "MAX_OF_ENTERPRISE", 2)
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    crowd = [await factories.visitor(channel) for _ in range(3)]
    neighbour = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    http, before = doors.stranger(), metrics.TURNED_AWAY.values.get(("polls",), 0)

    first, second, refused = [await _open(http, guest) for guest in crowd]

    assert (first.status_code, second.status_code) == (200, 200)
    assert (refused.status_code, refused.json()["error"]["code"], refused.headers["Retry-After"]) == (429, "too_many", "30")
    assert metrics.TURNED_AWAY.values["polls",] == before + 1
    assert (await _open(http, neighbour)).status_code == 200
    assert await _status(http, crowd[0], first.json()["poll_id"]) == 200
