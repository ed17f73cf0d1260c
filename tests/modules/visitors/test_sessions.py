from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate, Throttle
from qiatan.kit.access import VisitorActor
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import Channel, ChannelChange, NewChannel
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.models import CustomerRow
from qiatan.modules.visitors import jobs, routes, service
from qiatan.modules.visitors.models import TokenRow, VisitRow
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
ABOUT = {
    "page_url": "https://shop.example/dripper?utm_source=x",
    "page_title": "手冲滤杯",
    "referrer": "https://search.example/?q=滤杯",
    "language": "zh-CN",
    "timezone": "Asia/Shanghai",
    "screen": "1920x1080",
}


@dataclass
class Site:
    tenant: Tenant
    channel: Channel
    database: Database
    doors: Doors

    async def greet(self, token: str | None = None, *, about: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        headers = {"User-Agent": CHROME} | ({"Authorization": f"Bearer {token}"} if token else {})
        client = self.doors.stranger(csrf=None, headers=headers, **options)
        return await client.post(f"/widget/{self.channel.key}/session", json=about if about is not None else ABOUT)

    async def who(self, token: str) -> VisitorActor | None:
        async with self.database.system() as tx:
            return await service.resolve_token(tx, token)

    async def count(self, row: type[CustomerRow | TokenRow | VisitRow]) -> int:
        async with self.database.tenant(self.tenant.enterprise_id) as tx:
            return (await tx.session.execute(select(func.count()).select_from(row))).scalar_one()

    async def visits(self) -> list[VisitRow]:
        async with self.database.tenant(self.tenant.enterprise_id) as tx:
            return list((await tx.session.execute(select(VisitRow).order_by(VisitRow.started_at))).scalars())


@pytest.fixture
async def site(database: Database, factories: Factories, doors: Doors) -> Site:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        channel = await channels.create_default(tx)
    return Site(tenant, channel, database, doors)


async def test_a_stranger_becomes_a_visitor(site: Site, clock: FakeClock) -> None:
    answer = await site.greet()

    session = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert sorted(session) == ["config", "customer_id", "expires_at", "files", "token", "typing_preview"]
    assert session["config"]["key"] == site.channel.key
    assert session["typing_preview"] is True
    actor = await site.who(session["token"])
    assert actor is not None
    assert (actor.enterprise_id, actor.channel_id) == (site.tenant.enterprise_id, site.channel.id)
    assert actor.customer_id == UUID(session["customer_id"])


async def test_the_visit_tells_what_the_browser_said(site: Site, clock: FakeClock) -> None:
    session = (await site.greet(address="192.0.2.77")).json()

    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        visit = await service.latest_visit(tx, customer_id=UUID(session["customer_id"]))

    assert visit is not None
    assert visit.model_dump(exclude={"id", "customer_id", "channel_id"}) == {
        **ABOUT,
        "landing_url": ABOUT["page_url"],
        "browser": "Chrome 126",
        "os": "Windows 10/11",
        "device": "desktop",
        "address": "192.0.2.77",
        "region": None,
        "search_engine": None,
        "search_keyword": None,
        "started_at": clock.now(),
        "last_seen_at": clock.now(),
    }


async def test_region_and_search_are_kept_as_far_as_address_and_referrer_tell(site: Site) -> None:
    about = {**ABOUT, "referrer": "https://www.baidu.com/s?wd=%E8%8C%B6%E5%85%B7"}
    session = (await site.greet(address="114.114.114.114", about=about)).json()

    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        visit = await service.latest_visit(tx, customer_id=UUID(session["customer_id"]))

    assert visit is not None
    assert (visit.search_engine, visit.search_keyword) == ("baidu", "茶具")
    assert visit.region is not None
    assert visit.region.startswith("CN/")


async def test_hostile_words_of_a_browser_are_left_out_and_stop_nothing(site: Site) -> None:
    about = {
        "page_url": "javascript:alert(1)",
        "page_title": "\u202e<script>alert(1)</script>\x00" + "长" * 300,
        "referrer": "data:text/html,x",
        "language": "{{7*7}}",
        "timezone": "../../etc",
        "screen": "1e9x1e9",
    }

    answer = await site.greet(about=about)

    (visit,) = await site.visits()
    assert answer.status_code == 200
    assert (visit.page_url, visit.landing_url, visit.referrer, visit.language, visit.timezone, visit.screen) == (None,) * 6
    assert visit.page_title == ("<script>alert(1)</script>" + "长" * 300)[:199] + "…"


async def test_only_the_hash_of_a_token_is_stored(site: Site) -> None:
    token = (await site.greet()).json()["token"]

    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        row = (await tx.session.execute(select(TokenRow))).scalar_one()

    assert len(token) == 46
    assert token.encode() not in row.token_hash
    assert len(row.token_hash) == 32


async def test_coming_back_with_the_token_one_is_the_same_customer(site: Site, clock: FakeClock) -> None:
    first = (await site.greet()).json()
    clock.advance(hours=1)

    second = (await site.greet(first["token"])).json()

    assert (second["token"], second["customer_id"]) == (first["token"], first["customer_id"])
    assert (await site.count(CustomerRow), await site.count(TokenRow)) == (1, 1)


async def test_a_token_lives_thirty_idle_days(site: Site, clock: FakeClock) -> None:
    first = (await site.greet()).json()
    clock.advance(days=30, seconds=-1)
    assert await site.who(first["token"]) is not None

    clock.advance(seconds=1)

    assert await site.who(first["token"]) is None
    later = (await site.greet(first["token"])).json()
    assert later["token"] != first["token"]
    assert later["customer_id"] != first["customer_id"]


async def test_after_a_day_the_token_is_replaced_and_the_old_one_lives_five_minutes_more(site: Site, clock: FakeClock) -> None:
    first = (await site.greet()).json()
    clock.advance(hours=24)

    second = (await site.greet(first["token"])).json()

    assert second["token"] != first["token"]
    assert second["customer_id"] == first["customer_id"]
    clock.advance(minutes=5, seconds=-1)
    for token in (first["token"], second["token"]):
        actor = await site.who(token)
        assert actor is not None
        assert str(actor.customer_id) == first["customer_id"]
    clock.advance(seconds=1)
    assert await site.who(first["token"]) is None
    assert await site.who(second["token"]) is not None


async def test_the_other_tab_gets_a_token_for_its_replaced_one_which_lives_no_longer_for_it(site: Site, clock: FakeClock) -> None:
    first = (await site.greet()).json()
    clock.advance(hours=24)
    await site.greet(first["token"])
    clock.advance(minutes=4)

    other_tab = (await site.greet(first["token"])).json()

    assert other_tab["customer_id"] == first["customer_id"]
    assert other_tab["token"] != first["token"]
    clock.advance(minutes=1)
    assert await site.who(first["token"]) is None
    assert await site.who(other_tab["token"]) is not None


@pytest.mark.parametrize(
    "token",
    ["qv_" + "A" * 43, "x", "null", "undefined", "0", "'; DROP TABLE visitor_tokens; --", "qv_" + "é" * 43, "a" * 5000],
)
async def test_nobody_chooses_a_token(site: Site, token: str) -> None:
    answer = await site.doors.stranger(csrf=None, headers={b"Authorization": b"Bearer " + token.encode()}).post(  # type: ignore[dict-item]  # bytes, as httpx allows
        f"/widget/{site.channel.key}/session", json={}
    )

    assert answer.status_code == 200
    assert answer.json()["token"] != token
    assert await site.who(token) is None


@pytest.mark.parametrize("field", ["customer_id", "token", "id", "enterprise_id", "channel_id", "address", "__proto__", "user_agent"])
async def test_nobody_chooses_an_id(site: Site, field: str) -> None:
    victim = (await site.greet()).json()

    answer = await site.greet(about={field: victim["customer_id"]})

    assert answer.status_code == 422
    assert answer.json()["error"]["fields"][0] | {"message": ""} == {"field": field, "code": "unknown", "message": ""}
    assert await site.count(CustomerRow) == 1


@pytest.mark.parametrize("about", [{"page_url": 1}, {"page_title": ["x"]}, {"screen": {"w": 1}}, {"page_url": "x" * 8001}, [], "x", None])
async def test_a_session_request_of_another_shape_is_refused(site: Site, about: Any) -> None:
    answer = await site.doors.stranger(csrf=None).post(f"/widget/{site.channel.key}/session", json=about)

    assert answer.status_code == 422
    assert await site.count(CustomerRow) == 0


async def test_a_token_of_another_channel_gives_a_new_identity(site: Site) -> None:
    first = (await site.greet()).json()
    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        other = await channels.create(tx, site.tenant.admin.actor, NewChannel(name="另一个"))

    elsewhere = (await Site(site.tenant, other, site.database, site.doors).greet(first["token"])).json()

    assert elsewhere["customer_id"] != first["customer_id"]
    assert elsewhere["token"] != first["token"]
    assert await site.who(first["token"]) is not None


async def test_a_token_of_another_enterprise_gives_a_new_identity(site: Site, factories: Factories) -> None:
    first = (await site.greet()).json()
    theirs = await factories.tenant()
    async with site.database.tenant(theirs.enterprise_id) as tx:
        channel = await channels.create_default(tx)

    other = (await Site(theirs, channel, site.database, site.doors).greet(first["token"])).json()

    assert other["customer_id"] != first["customer_id"]
    actor = await site.who(other["token"])
    assert actor is not None
    assert actor.enterprise_id == theirs.enterprise_id
    async with site.database.tenant(theirs.enterprise_id) as tx:
        assert await service.latest_visit(tx, customer_id=UUID(first["customer_id"])) is None


async def test_switching_a_channel_off_stops_its_tokens_and_on_again_brings_them_back(site: Site) -> None:
    token = (await site.greet()).json()["token"]

    await _switch(site, enabled=False, version=1)
    assert await site.who(token) is None
    refused = await site.greet(token)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    moved = await site.doors.visitor(token).post("/widget/visit", json={"page_url": "https://a.example/"})
    assert moved.status_code == 401

    await _switch(site, enabled=True, version=2)
    assert await site.who(token) is not None


async def test_a_visit_goes_on_within_half_an_hour_and_begins_anew_after(site: Site, clock: FakeClock) -> None:
    token = (await site.greet()).json()["token"]
    clock.advance(minutes=29)
    await site.greet(token, about={"page_url": "https://shop.example/cart", "referrer": "https://shop.example/dripper"})

    (visit,) = await site.visits()
    assert (visit.page_url, visit.landing_url, visit.referrer) == (
        "https://shop.example/cart",
        ABOUT["page_url"],
        "https://search.example/?q=滤杯",
    )

    clock.advance(minutes=30)
    await site.greet(token, about={"page_url": "https://shop.example/"})
    assert [visit.landing_url for visit in await site.visits()] == [ABOUT["page_url"], "https://shop.example/"]


async def test_the_panel_tells_of_another_page(site: Site, clock: FakeClock) -> None:
    token = (await site.greet()).json()["token"]
    visitor = site.doors.visitor(token)
    clock.advance(minutes=1)

    answer = await visitor.post("/widget/visit", json={"page_url": "https://shop.example/cart", "page_title": "购物车"})

    (visit,) = await site.visits()
    assert answer.status_code == 204
    assert (visit.page_url, visit.page_title, visit.landing_url) == ("https://shop.example/cart", "购物车", ABOUT["page_url"])
    assert visit.last_seen_at == clock.now()


async def test_another_page_after_a_long_pause_is_another_visit_on_the_same_device(site: Site, clock: FakeClock) -> None:
    token = (await site.greet()).json()["token"]
    clock.advance(minutes=31)

    await site.doors.visitor(token).post("/widget/visit", json={"page_url": "https://shop.example/cart"})

    _, visit = await site.visits()
    assert (visit.landing_url, visit.referrer, visit.browser) == ("https://shop.example/cart", None, "Chrome 126")


@pytest.mark.parametrize("pause", [1, 31])
async def test_who_goes_to_another_page_is_here_now_from_where_they_are_now(site: Site, clock: FakeClock, pause: int) -> None:
    # given a visitor whose session was opened at home
    session = (await site.greet(address="203.0.113.9")).json()
    customer_id = UUID(session["customer_id"])
    clock.advance(minutes=pause, seconds=1)

    # when they go on from elsewhere
    moved = site.doors.visitor(session["token"], address="198.51.100.7")
    assert (await moved.post("/widget/visit", json={"page_url": "https://shop.example/cart"})).status_code == 204

    # then that is where and when they were here last
    assert (await site.visits())[-1].address == "198.51.100.7"
    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        assert await service.address_group_of(tx, customer_id=customer_id) == "198.51.100.7"
        assert (await customers.get(tx, customer_id)).last_seen_at == clock.now()


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer qv_" + "A" * 43, "Basic x"])
async def test_the_page_is_told_by_visitors_only(site: Site, authorization: str) -> None:
    await site.greet()

    answer = await site.doors.stranger(headers={"Authorization": authorization}).post(
        "/widget/visit", json={"page_url": "https://evil.example/"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    assert (await site.visits())[0].page_url == ABOUT["page_url"]


def test_an_office_behind_one_address_may_come_as_new_visitors_in_the_same_minute() -> None:
    throttle = Throttle()
    for rate in (service.NEW_IDENTITIES, routes.SESSIONS):
        assert [throttle.wait(str(rate), rate) for _ in range(600)] == [0.0] * 600


async def test_one_address_makes_a_limited_number_of_identities(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "NEW_IDENTITIES", Rate(burst=60, per_minute=30))
    *made, refused = [await site.greet(address="192.0.2.9", about={}) for _ in range(61)]

    assert [answer.status_code for answer in made] == [200] * 60
    assert (refused.status_code, refused.json()["error"]["code"], refused.headers["retry-after"]) == (429, "too_many", "2")
    assert await site.count(CustomerRow) == 60
    assert (await site.greet(made[0].json()["token"], address="192.0.2.9")).status_code == 200
    assert (await site.greet(address="192.0.2.10")).status_code == 200


async def test_expired_tokens_are_deleted_after_a_day_and_living_ones_stay(site: Site, clock: FakeClock, resources: Resources) -> None:
    await site.greet()
    clock.advance(days=20)
    living = (await site.greet()).json()["token"]
    clock.advance(days=11, seconds=-1)
    await jobs.purge_expired_tokens.run(resources)
    assert await site.count(TokenRow) == 2

    clock.advance(seconds=2)
    await jobs.purge_expired_tokens.run(resources)

    assert await site.count(TokenRow) == 1
    assert await site.who(living) is not None


async def test_tokens_are_resolved_only_in_a_system_transaction(site: Site) -> None:
    token = (await site.greet()).json()["token"]

    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        with pytest.raises(RuntimeError):
            await service.resolve_token(tx, token)


async def _switch(site: Site, *, enabled: bool, version: int) -> None:
    async with site.database.tenant(site.tenant.enterprise_id) as tx:
        change = ChannelChange(enabled=enabled, version=version)
        await channels.change(tx, site.tenant.admin.actor, channel_id=site.channel.id, change=change)
