"""An office of a thousand comes in together at nine: its limits let it, and who is over one is told when to come again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from qiatan.infra.throttle import Rate, Throttle
from qiatan.modules.accounts.routes import common
from tests.support.doors import Doors

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
    assert 9 <= int(answers[-1].headers["Retry-After"]) <= 11


async def test_an_enterprise_over_its_limit_holds_up_no_other(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "OIDC_OF_ENTERPRISE", Rate(burst=1, per_minute=6))
    office = doors.stranger(address="203.0.113.78")
    crowded, other = str(uuid4()), str(uuid4())
    tried = [(await office.post("/session/oidc", json={"enterprise_id": one})).status_code for one in (crowded, crowded, other)]
    assert tried == [404, 429, 404]
