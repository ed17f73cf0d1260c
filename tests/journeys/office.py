"""How the enterprise of the story is set up, so that the settings pages show what people see: who may do what, how is served, what is kept of customers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

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
    days_off: tuple[str, str]
    assigned: tuple[str, str, str]
    tags: tuple[str, str, str]
    kinds: str
    level: tuple[str, str, str]
    reply: tuple[str, str, str]
    reason: str


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
    days_off=("国庆节", "国庆节调休"),
    assigned=("批发与定制", "华南售后", "秋茶"),
    tags=("回头客", "手冲", "品质投诉"),
    kinds="来源",
    level=("会员等级", "银卡", "金卡"),
    reply=("退换", "换货地址确认", "请您发一下收件人、电话和详细地址"),
    reason="反复发广告链接",
)

ENGLISH_RULES = Rules(
    leader="Team lead",
    specialist="Specialist",
    public_name="Tommy",
    visitors_from=["US/加利福尼亚", "CN/广东省/深圳市", "CN/北京/北京市"],
    allowed=["US", "CN/江苏省/苏州市", "JP/东京都"],
    trusted=("Shop line", "Head office", "Servers"),
    inside="8.8.8.8",
    outside="192.0.2.140",
    program="Order system",
    provider="Pine & Clay account",
    days_off=("National Day", "Worked instead"),
    assigned=("Wholesale", "South support", "Autumn tea"),
    tags=("Regular", "Pour-over", "Complaint about quality"),
    kinds="Source",
    level=("Level of membership", "Silver", "Gold"),
    reply=("Exchanges", "Address for an exchange", "Please send us name, phone number and address"),
    reason="Keeps sending advertisements",
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
    await house.admin.post("/api-keys", {"name": rules.program, "points": points, "expires_at": until, "password": PASSWORD})


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


async def serve(house: House, rules: Rules) -> None:
    """After `tell`: when the house is open, who gets what, and how long it may wait."""
    group, other = [one["id"] for one in (await house.admin.get("/groups"))["items"]]
    week = [[{"start": "09:00", "until": "12:00"}, {"start": "13:30", "until": "18:00"}]] * 5 + [[{"start": "10:00", "until": "16:00"}], []]
    holiday, instead = rules.days_off
    days = [{"day": "2026-10-01", "open": False, "name": holiday}, {"day": "2026-10-10", "open": True, "name": instead}]
    steps = [{"seconds": 45, "group_id": None}, {"seconds": 90, "group_id": group}, {"seconds": 150, "group_id": None}]
    await _set(house, "/routing/transfers", steps=steps, ask=True)
    await _set(house, "/routing/hours", enabled=True, week=week, exceptions=days, groups=[{"group_id": group, "week": week}])
    wholesale, south, tea = rules.assigned
    workdays = {"kind": "time", "windows": [{"weekdays": [1, 2, 3, 4, 5, 6], "start": "09:00", "until": "21:00"}]}
    speaks = _sees("language", "in", "zh", "en")
    await _set(
        house,
        "/routing/assignment",
        order=[one.id for one in house.members[:3]],
        rules=[
            _rule(wholesale, _sees("landing_page", "contains", "/wholesale"), groups=[group]),
            _rule(south, speaks, _sees("landing_page", "contains", "/order"), workdays, groups=[other], agents=(house.members[1].id,)),
            _rule(tea, _sees("metadata", "equals", "autumn-tea", key="source"), groups=[group], enabled=False),
        ],
    )


async def sort(house: House, rules: Rules) -> None:
    """After `tell`: words for customers and conversations, a quick reply, and somebody on the blacklist."""
    admin = house.admin
    kinds = await admin.post("/tag-groups", {"kind": "customer", "name": rules.kinds})
    for name, color, group in zip(rules.tags, ("blue", "gray", "red"), (None, kinds["id"], kinds["id"]), strict=True):
        await admin.post("/tags", {"kind": "customer", "name": name, "color": color, "group_id": group})
    level, *options = rules.level
    await admin.post("/customer-fields", {"name": level, "kind": "choice", "options": options})
    shelf, title, text = rules.reply
    group = await admin.post("/reply-groups", {"owner": "enterprise", "name": shelf})
    document = {"blocks": [{"kind": "paragraph", "align": "left", "spans": [{"text": text}]}]}
    await admin.post("/replies", {"owner": "enterprise", "group_id": group["id"], "title": title, "document": document})
    last = (await admin.conversations())[-1]
    await admin.post(f"/conversations/{last['id']}/block", {"reason": rules.reason, "expires_at": None})


async def _set(house: House, path: str, **settings: Any) -> None:
    present = await house.admin.get(path)
    await _put(house, path, {"settings": present["settings"] | settings, "version": present["version"]})


def _sees(field: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"kind": "visitor", "field": field, "operator": operator, "values": list(values), **more}


def _rule(name: str, *conditions: dict[str, Any], groups: list[str], agents: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "name": name,
        "groups": [{"match": "all", "conditions": list(conditions)}],
        "agent_ids": list(agents),
        "group_ids": groups,
        **more,
    }
