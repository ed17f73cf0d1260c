"""Which pages a visitor went through, as agents see it beside the conversation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.db import Database
from qiatan.modules.visitors import rules
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Tenant

CUPS = ("https://shop.example/cups", "杯子")


@dataclass
class Talk:
    tenant: Tenant
    guest: Guest
    conversation: UUID
    doors: Doors

    async def go(self, path: str, title: str | None = None) -> None:
        page = {"page_url": f"https://shop.example/{path}", "page_title": title}
        answer = await self.doors.visitor(self.guest.token).post("/widget/visit", json=page)
        assert answer.status_code == 204, answer.text

    async def context(self) -> Any:
        answer = await self.doors.agent(self.tenant.admin).get(f"/conversations/{self.conversation}/context")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pages(self) -> list[tuple[str, str | None]]:
        return [(page["url"], page["title"]) for page in (await self.context())["pages"]]


@pytest.fixture
async def told(database: Database, factories: Factories, doors: Doors) -> Talk:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Talk(tenant, guest, await talk.served(database, guest, tenant.admin), doors)


async def test_the_pages_of_a_stay_are_told_newest_first_with_their_times(told: Talk, clock: FakeClock) -> None:
    began = clock.now()
    clock.advance(minutes=3)
    await told.go("cart", "购物车")
    clock.advance(minutes=2)
    await told.go("pay")

    context = await told.context()

    assert [(page["url"], page["title"]) for page in context["pages"]] == [
        ("https://shop.example/pay", None),
        ("https://shop.example/cart", "购物车"),
        CUPS,
    ]
    minutes = [round((clock.now() - began).total_seconds() / 60) - late for late in (0, 2, 5)]
    assert [page["at"][14:16] for page in context["pages"]] == [f"{(began.minute + minute) % 60:02}" for minute in minutes]


async def test_a_page_that_is_told_again_is_no_further_one_and_has_the_title_it_has_now(told: Talk) -> None:
    await told.go("cups", "杯子")
    await told.go("cups", "杯子（3 件）")

    assert await told.pages() == [("https://shop.example/cups", "杯子（3 件）")]


async def test_what_is_no_page_leaves_no_trace(told: Talk) -> None:
    answer = await told.doors.visitor(told.guest.token).post("/widget/visit", json={"page_url": "javascript:alert(1)", "page_title": "x"})

    assert answer.status_code == 204
    assert await told.pages() == [CUPS]


async def test_the_next_stay_has_pages_of_its_own(told: Talk, clock: FakeClock) -> None:
    clock.advance(minutes=31)
    await told.go("cart", "购物车")

    assert await told.pages() == [("https://shop.example/cart", "购物车")]


async def test_of_more_pages_than_are_kept_the_oldest_go(told: Talk) -> None:
    for number in range(rules.MOST_PAGES):
        await told.go(f"{number}")

    pages = await told.pages()
    assert len(pages) == rules.MOST_PAGES
    assert (pages[0][0], pages[-1][0]) == (f"https://shop.example/{rules.MOST_PAGES - 1}", "https://shop.example/0")


async def test_two_tabs_that_tell_of_their_pages_at_once_lose_neither(told: Talk) -> None:
    await asyncio.gather(told.go("left"), told.go("right"))

    assert sorted(url for url, _ in await told.pages()) == [
        "https://shop.example/cups",
        "https://shop.example/left",
        "https://shop.example/right",
    ]


async def test_the_pages_are_seen_by_whoever_sees_the_conversation_and_by_nobody_else(told: Talk, factories: Factories) -> None:
    stranger = (await factories.tenant()).admin
    outsider = await factories.agent(told.tenant.enterprise_id)

    for member in (stranger, outsider):
        answer = await told.doors.agent(member).get(f"/conversations/{told.conversation}/context")
        assert answer.status_code == 404
