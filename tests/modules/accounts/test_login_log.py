"""The login log: who sees which entries, in which order, and what an export holds."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from qiatan.infra.db import Database
from qiatan.infra.geo import Region
from qiatan.infra.http.csv import csv_answer, safe_cell
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts import jobs
from qiatan.modules.accounts.contracts import LoginMethod, LoginReason
from qiatan.modules.accounts.models import LoginEntryRow
from qiatan.modules.accounts.service import login, login_log
from qiatan.modules.accounts.service.devices import device_of
from tests.modules.accounts.restricting import AMERICA, SHENZHEN, audited, logins
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

LOG = "/security/login-log"
POINT = frozenset({"security.logins"})
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def _note(
    resources: Resources,
    member: Member,
    *,
    address: str = SHENZHEN,
    user_agent: str = CHROME,
    method: LoginMethod = LoginMethod.PASSWORD,
    reason: LoginReason = LoginReason.NOT_RESTRICTED,
    allowed: bool = True,
) -> None:
    async with resources.database.tenant(member.enterprise_id) as tx:
        await login.note(
            tx,
            enterprise_id=member.enterprise_id,
            agent_id=member.id,
            caller_address=address,
            region=resources.geo.region_of(address),
            device=await device_of(user_agent),
            method=method,
            allowed=allowed,
            reason=reason,
        )


async def test_an_entry_tells_who_where_with_what_and_why(doors: Doors, tenant: Tenant, resources: Resources) -> None:
    await _note(resources, tenant.admin, address=f"::ffff:{SHENZHEN}", reason=LoginReason.REGION_DENIED, allowed=False)

    (entry,) = (await doors.agent(tenant.admin).get(LOG)).json()["items"]

    UUID(entry.pop("id"))
    assert entry == {
        "at": "2026-03-02T04:00:00Z",
        "agent": {"id": str(tenant.admin.id), "name": "沈知夏"},
        "address": SHENZHEN,
        "region": {"code": "CN/广东省/深圳市", "names": ["中国", "广东省", "深圳市"]},
        "device": "Chrome 141 · Windows",
        "method": "password",
        "allowed": False,
        "reason": "region_denied",
    }


async def test_pages_come_newest_first_without_gaps_or_repeats(
    doors: Doors, tenant: Tenant, resources: Resources, database: Database, clock: FakeClock
) -> None:
    for step in range(7):
        await _note(resources, tenant.admin, address=f"192.0.2.{step}")
        if step % 2:
            clock.advance(seconds=1)
    browser, seen, after = doors.agent(tenant.admin), [], None
    for _ in range(10):
        page = (await browser.get(LOG, params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [entry["id"] for entry in page["items"]]
        after = page["next"]
        if after is None:
            break
    async with database.system() as tx:
        newest = select(LoginEntryRow.id).where(LoginEntryRow.enterprise_id == tenant.enterprise_id)
        expected = (await tx.session.execute(newest.order_by(LoginEntryRow.at.desc(), LoginEntryRow.id.desc()))).scalars()
        assert seen == [str(entry_id) for entry_id in expected]


async def test_filters_narrow(doors: Doors, factories: Factories, tenant: Tenant, resources: Resources, clock: FakeClock) -> None:
    agent = await factories.agent(tenant.enterprise_id)
    await _note(resources, tenant.admin, address="192.0.2.1")
    clock.advance(hours=1)
    await _note(resources, agent, address="192.0.2.2", allowed=False, reason=LoginReason.WRONG_PASSWORD)
    clock.advance(hours=1)
    await _note(resources, agent, address="192.0.2.3")
    browser = doors.agent(tenant.admin)

    async def found(**asked: str) -> list[str]:
        answer = await browser.get(LOG, params=asked)
        assert answer.status_code == 200, answer.text
        return [entry["address"].rpartition(".")[2] for entry in answer.json()["items"]]

    assert await found() == ["3", "2", "1"]
    assert await found(agent_id=str(agent.id)) == ["3", "2"]
    assert await found(allowed="false") == ["2"]
    assert await found(allowed="true") == ["3", "1"]
    assert await found(**{"from": (NOON + timedelta(hours=1)).isoformat()}) == ["3", "2"]
    assert await found(to=(NOON + timedelta(hours=1)).isoformat()) == ["1"]
    assert await found(**{"from": "2026-03-02T13:00:00+08:00", "to": "2026-03-02T14:00:00+08:00"}) == ["2"]
    assert await found(agent_id=str(uuid4())) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"agent_id": "x"},
        {"allowed": "perhaps"},
        {"from": "yesterday"},
        {"to": "2026-03-02T04:00:00"},
        {"limit": "101"},
        {"after": "bm8"},
    ],
)
async def test_filters_that_cannot_be_read_are_refused(doors: Doors, tenant: Tenant, asked: dict[str, str]) -> None:
    assert (await doors.agent(tenant.admin).get(LOG, params=asked)).status_code == 422


async def test_only_agents_in_scope_are_shown_and_oneself_always(
    doors: Doors, factories: Factories, tenant: Tenant, resources: Resources
) -> None:
    north = await factories.group(tenant.enterprise_id)
    near = await factories.agent(tenant.enterprise_id, name="近", group_ids=(north,))
    far = await factories.agent(tenant.enterprise_id, name="远")
    leader = await factories.agent(tenant.enterprise_id, points=POINT, scope=Scope(ScopeKind.GROUPS, frozenset({north})), name="组长")
    alone = await factories.agent(tenant.enterprise_id, points=POINT, name="自己")
    other = await factories.tenant("别家")
    for member in (near, far, leader, alone, tenant.admin, other.admin):
        await _note(resources, member)

    async def seen(member: Member, **asked: str) -> set[str]:
        lines = (await doors.agent(member).get(LOG, params=asked)).json()["items"]
        exported = await doors.agent(member).get(f"{LOG}/export", params=asked)
        assert {line[1] for line in _lines(exported.content)[1:]} == {entry["agent"]["name"] for entry in lines}
        return {entry["agent"]["name"] for entry in lines}

    assert await seen(leader) == {"近", "组长"}
    assert await seen(alone) == {"自己"}
    assert await seen(tenant.admin) == {"近", "远", "组长", "自己", "沈知夏"}
    assert await seen(leader, agent_id=str(far.id)) == set()


async def test_the_log_is_for_those_who_hold_the_point(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    agent = await factories.agent(tenant.enterprise_id)
    for path in (LOG, f"{LOG}/export"):
        assert (await doors.agent(agent).get(path)).status_code == 403
        assert (await doors.stranger().get(path)).status_code == 401
    assert await audited(database, tenant.enterprise_id, "login_log.exported") == []


async def test_an_export_is_a_table_in_the_readers_language_and_is_written_down(
    doors: Doors, tenant: Tenant, resources: Resources, database: Database, clock: FakeClock
) -> None:
    await _note(resources, tenant.admin)
    clock.advance(seconds=90)
    await _note(resources, tenant.admin, address=AMERICA, user_agent="", reason=LoginReason.REGION_DENIED, allowed=False)

    answer = await doors.agent(tenant.admin).get(f"{LOG}/export", params={"agent_id": str(tenant.admin.id)})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''login-log-20260302.csv"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert _lines(answer.content) == [
        ["时间(Asia/Shanghai)", "客服", "IP 地址", "地区", "设备", "方式", "结果", "原因"],
        ["2026-03-02 12:01:30", "沈知夏", AMERICA, "美国", "", "密码", "拒绝", "地区不允许"],
        ["2026-03-02 12:00:00", "沈知夏", SHENZHEN, "中国 广东省 深圳市", "Chrome 141 · Windows", "密码", "通过", "未启用限制"],
    ]
    (entry,) = await audited(database, tenant.enterprise_id, "login_log.exported")
    assert (entry.actor_id, entry.details) == (tenant.admin.id, {"filters": {"agent_id": str(tenant.admin.id)}})


async def test_an_english_reader_gets_english_words(doors: Doors, tenant: Tenant, resources: Resources) -> None:
    await _note(resources, tenant.admin)
    browser = doors.agent(tenant.admin)
    version = (await browser.get("/me")).json()["agent"]["version"]
    await browser.patch("/me", json={"locale": "en", "version": version})
    header, line = _lines((await browser.get(f"{LOG}/export")).content)
    assert header[0] == "Time (Asia/Shanghai)"
    assert line[5:] == ["password", "let in", "no restriction"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_nothing_in_an_export_is_run_as_a_formula(
    doors: Doors, factories: Factories, tenant: Tenant, resources: Resources, start: str
) -> None:
    assert safe_cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    if start.isspace():
        return
    agent = await factories.agent(tenant.enterprise_id, name=f'{start}HYPERLINK("http://evil.example")')
    await _note(resources, agent)
    line = _lines((await doors.agent(tenant.admin).get(f"{LOG}/export")).content)[1]
    assert line[1] == f"'{agent.name}"


async def test_an_export_is_read_in_parts_and_ends_at_its_bound(
    doors: Doors, tenant: Tenant, resources: Resources, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_log, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(login_log, "MAX_EXPORTED", 6)
    for step in range(8):
        await _note(resources, tenant.admin, address=f"192.0.2.{step}")
        clock.advance(seconds=1)
    lines = _lines((await doors.agent(tenant.admin).get(f"{LOG}/export")).content)
    assert [line[2] for line in lines[1:]] == [f"192.0.2.{step}" for step in (7, 6, 5, 4, 3, 2)]


async def test_a_table_never_grows_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.infra.http.csv.MAX_ROWS", 450)
    answer: Any = csv_answer("t.csv", ["n"], ([str(number)] for number in range(1_000)))
    content = b"".join([part async for part in answer.body_iterator])
    assert _lines(content) == [["n"], *([str(number)] for number in range(450))]


async def test_entries_are_forgotten_after_four_hundred_days(
    tenant: Tenant, resources: Resources, database: Database, clock: FakeClock
) -> None:
    await _note(resources, tenant.admin, address="192.0.2.1")
    clock.advance(days=200)
    await _note(resources, tenant.admin, address="192.0.2.2")
    clock.advance(days=200)
    await jobs.purge_expired.run(resources)
    assert [entry[1] for entry in await logins(database, tenant.enterprise_id)] == ["192.0.2.1", "192.0.2.2"]

    clock.advance(seconds=1)
    await jobs.purge_expired.run(resources)

    assert [entry[1] for entry in await logins(database, tenant.enterprise_id)] == ["192.0.2.2"]


async def test_an_unknown_place_and_an_odd_browser_can_be_noted(tenant: Tenant, database: Database) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        await login.note(
            tx,
            enterprise_id=tenant.enterprise_id,
            agent_id=tenant.admin.id,
            caller_address="unknown" * 20,
            region=Region("CN", "省" * 100, "市" * 100),
            device=await device_of("\x00\ud800" * 400),
            method=LoginMethod.SESSION,
            allowed=False,
            reason=LoginReason.REGION_UNKNOWN,
        )
    ((_, address, region, *_rest),) = await logins(database, tenant.enterprise_id)
    assert (len(address), len(region)) == (64, 120)


@pytest.mark.parametrize(
    ("line", "device"),
    [
        (CHROME, "Chrome 141 · Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mobile Safari 17 · iOS",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 · Linux"),
        ("", ""),
        ("   ", ""),
        ("something else", ""),
        ("\x00" * 1000, ""),
    ],
)
async def test_devices_are_told_as_far_as_they_are_known(line: str, device: str) -> None:
    assert await device_of(line) == device


def _lines(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
