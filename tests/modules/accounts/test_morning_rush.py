"""An office of a thousand comes in together at nine: its limits let it, and who is over one is told when to come again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from qiatan.infra.throttle import Rate, Throttle
from qiatan.modules.accounts.routes import common
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories

PEOPLE = 1_000
SECOND_TRIES = PEOPLE // 2


@pytest.mark.parametrize(
    ("rate", "calls_each"),
    [
        (common.SIGN_IN_ADDRESS, 1),
        (common.SECOND_FACTOR, 2),
        (common.OIDC, 2),
        (common.OIDC_OF_ENTERPRISE, 1),
        (common.LINK, 2),
    ],
    ids=["passwords", "second steps", "providers by address", "providers by enterprise", "links"],
)
def test_a_thousand_and_half_of_them_twice_come_in_at_once(rate: Rate, calls_each: int) -> None:
    throttle = Throttle()
    for _ in range((PEOPLE + SECOND_TRIES) * calls_each):
        throttle.check("office", rate)
    assert rate.per_minute * 2 >= PEOPLE, "who is left over after all that comes in within two minutes"


@pytest.mark.parametrize(
    ("limit", "path", "bodies"),
    [
        ("OIDC_OF_ENTERPRISE", "/session/oidc", [{"enterprise_id": str(uuid4())}] * 3),
        ("OIDC", "/session/oidc", [{"enterprise_id": str(uuid4())} for _ in range(3)]),
        ("LINK", "/session/link", [{"token": "x" * 43}] * 3),
        ("LINK", "/invitations/lookup", [{"token": "x" * 43}] * 3),
    ],
)
async def test_who_is_over_a_limit_is_told_when_to_come_again(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, limit: str, path: str, bodies: list[Mapping[str, Any]]
) -> None:
    monkeypatch.setattr(common, limit, Rate(burst=2, per_minute=6))
    office = doors.stranger(address="203.0.113.77")

    answers = [await office.post(path, json=body) for body in bodies]

    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert answers[-1].json()["error"]["code"] == "too_many"
    assert answers[-1].headers["Retry-After"] == "10"


async def test_an_enterprise_over_its_limit_holds_up_no_other(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "OIDC_OF_ENTERPRISE", Rate(burst=1, per_minute=6))
    office = doors.stranger(address="203.0.113.78")
    crowded, other = str(uuid4()), str(uuid4())
    tried = [(await office.post("/session/oidc", json={"enterprise_id": one})).status_code for one in (crowded, crowded, other)]
    assert tried == [404, 429, 404]


async def test_one_stranger_cannot_use_up_what_an_enterprise_has(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "OIDC_OF_STRANGER", Rate(burst=3, per_minute=6))
    monkeypatch.setattr(common, "OIDC_OF_ENTERPRISE", Rate(burst=4, per_minute=6))
    one, stranger, colleague = (
        {"enterprise_id": str(uuid4())},
        doors.stranger(address="203.0.113.79"),
        doors.stranger(address="203.0.113.80"),
    )

    tried = [(await stranger.post("/session/oidc", json=one)).status_code for _ in range(20)]

    assert tried == [404] * 3 + [429] * 17
    assert (await colleague.post("/session/oidc", json=one)).status_code == 404


async def test_where_somebody_came_in_before_strangers_hold_up_nobody(
    doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "OIDC_OF_ENTERPRISE", Rate(burst=1, per_minute=6))
    tenant = await factories.tenant()
    office, home, body = "203.0.113.81", "203.0.113.82", {"enterprise_id": str(tenant.enterprise_id)}
    credentials = {"email": tenant.admin.email, "password": PASSWORD}
    assert (await doors.stranger(address=office).post("/session", json=credentials)).status_code == 200
    assert (await doors.stranger(address="203.0.113.83").post("/session/oidc", json=body)).status_code == 404

    assert (await doors.stranger(address=home).post("/session/oidc", json=body)).status_code == 429
    assert [(await doors.stranger(address=office).post("/session/oidc", json=body)).status_code for _ in range(5)] == [404] * 5
