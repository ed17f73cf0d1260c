"""The panel as a page of its own, for people who come by a link."""

from __future__ import annotations

import pytest

from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories


async def test_a_link_opens_the_panel_as_a_page_that_nobody_frames_or_indexes(factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = (await doors.agent(tenant.admin).post("/channels", json={"name": "官网"})).json()
    assert channel["chat_link"] == f"{PUBLIC_URL}/chat/{channel['key']}"
    assert channel["chat_code"].startswith("data:image/svg+xml")

    page = await doors.stranger().get(f"{channel['chat_link']}?agent=somebody&fallback=1&lang=en")

    assert page.status_code in (200, 503), page.text  # 503: the pages are not built
    assert page.headers["X-Robots-Tag"] == "noindex"
    if page.status_code == 200:
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "'unsafe-inline'" not in policy


async def test_links_of_unknown_and_of_switched_off_channels_answer_the_same_page(factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    admin = doors.agent(tenant.admin)
    channel = (await admin.post("/channels", json={"name": "官网"})).json()
    off = await admin.patch(f"/channels/{channel['id']}", json={"version": 1, "enabled": False})
    assert off.status_code == 200

    stranger = doors.stranger()
    gone = await stranger.get(channel["chat_link"])
    unknown = await stranger.get(f"{PUBLIC_URL}/chat/{'k' * 24}")

    assert (gone.status_code, unknown.status_code) == (404, 404)
    assert gone.text == unknown.text
    assert channel["name"] not in gone.text
    assert gone.headers["Content-Security-Policy"] == unknown.headers["Content-Security-Policy"]
    assert gone.headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("key", ["x", "'%22%3E%3Cscript%3E", "..%2F..%2Fetc%2Fpasswd", "%00", "k" * 5_000])
async def test_a_link_that_cannot_be_one_is_not_repeated(doors: Doors, key: str) -> None:
    answer = await doors.stranger().get(f"{PUBLIC_URL}/chat/{key}")
    assert answer.status_code == 404
    assert "script" not in answer.text
    assert "passwd" not in answer.text
