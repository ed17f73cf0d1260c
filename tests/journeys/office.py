"""Who may do what at the enterprise of the story, so that the settings pages show what people see: roles, sign-in rules and what they did, a key, a provider."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from tests.journeys.house import PASSWORD, House, client_of

_STEP = 30
_OFFICE = "198.51.100.7"


@dataclass(frozen=True)
class Rules:
    """One language's names and places."""

    leader: str
    specialist: str
    public_name: str
    visitors_from: list[str]
    allowed: list[str]
    trusted: tuple[str, str, str]
    inside: str
    outside: str
    program: str
    provider: str


CHINESE_RULES = Rules(
    leader="客服分组组长",
    specialist="客服专员",
    public_name="阿乔",
    visitors_from=["CN/广东省", "CN/广西", "CN/海南省", "CN/福建省/泉州市"],
    allowed=["CN/广东省/深圳市", "CN/广东省/广州市", "CN/江苏省"],
    trusted=("苏州门店专线", "深圳办公室", "机房"),
    inside="202.96.134.33",
    outside="8.8.8.8",
    program="订单系统",
    provider="松间统一登录",
)

# Cities are named as the data of the regions has them, so these are countries and provinces.
ENGLISH_RULES = Rules(
    leader="Team lead",
    specialist="Specialist",
    public_name="Tommy",
    visitors_from=["US", "CN/广东省"],
    allowed=["US", "CN/江苏省"],
    trusted=("Shop line", "Head office", "Servers"),
    inside="8.8.8.8",
    outside="192.0.2.140",
    program="Order system",
    provider="Pine & Clay account",
)


async def furnish(house: House, rules: Rules) -> str:
    """After `tell`: give the colleagues roles, restrict where they sign in from, and let them try; the id of the leaders' role."""
    admin, first, second = house.members[:3]
    templates = {one["key"]: one["points"] for one in (await admin.get("/roles/templates"))["items"]}
    leader = await house.role(rules.leader, *templates["group_leader"])
    specialist = await house.role(rules.specialist, *templates["specialist"])
    await admin.change(f"/roles/{leader}", points=sorted({*templates["group_leader"], "audit.view"} - {"channels.view"}))
    groups = (await admin.get("/groups"))["items"]
    await admin.change(
        f"/agents/{first.id}",
        role_id=leader,
        scope={"kind": "groups", "group_ids": [groups[0]["id"]]},
        public_name=rules.public_name,
        staff_number="1006",
        visitor_regions={"mode": "only", "regions": rules.visitors_from},
    )
    await admin.change(f"/agents/{second.id}", role_id=specialist)
    await _limit(house, rules, [leader, specialist])
    for member, address in ((first, rules.outside), (second, _OFFICE), (first, rules.inside)):
        await _try(house, member.email, address)
    await _key(house, rules)
    await _put(house, "/security/oidc", _provider(rules))
    await _protect(house)
    return leader


async def _limit(house: House, rules: Rules, roles: list[str]) -> None:
    shop, office, servers = rules.trusted
    trusted = [
        {"first": "203.0.113.18", "last": None, "note": shop},
        {"first": "198.51.100.1", "last": "198.51.100.40", "note": office},
        # The colleagues of the story work from there at the API, and go on.
        {"first": "10.0.0.0/8", "last": None, "note": servers},
    ]
    body = {"enabled": True, "role_ids": roles, "regions": rules.allowed, "trusted": trusted, "version": 0}
    await _put(house, "/security/login-policy", body)


async def _try(house: House, email: str, address: str) -> None:
    async with client_of(house.server) as client:
        client.headers["X-Forwarded-For"] = address
        await client.post("/session", json={"email": email, "password": PASSWORD})


async def _key(house: House, rules: Rules) -> None:
    points = ["agents.view", "audit.view"]
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    await house.admin.post("/api-keys", {"name": rules.program, "points": points, "expires_at": until})


def _provider(rules: Rules) -> dict[str, Any]:
    return {
        "enabled": True,
        "label": rules.provider,
        "issuer": "https://login.example.com",
        "client_id": "qiatan",
        "client_secret": "a-secret-of-the-provider",
        "version": 0,
    }


async def _put(house: House, path: str, body: dict[str, Any]) -> None:
    answer = await house.admin.client.put(path, json=body)
    assert answer.is_success, answer.text


async def _protect(house: House) -> None:
    """The administrator gets an authenticator app."""
    setup = await house.admin.post("/me/totp", {"password": PASSWORD})
    code = pyotp.TOTP(setup["secret"]).at(int(time.time()) - _STEP)
    await _put(house, "/me/totp", {"code": code})
