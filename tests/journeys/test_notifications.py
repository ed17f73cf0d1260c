"""What calls an agent: sounds, quiet hours, the mark on the tab, and the page as an application."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.hostile import until
from tests.journeys.house import House


async def test_sounds_and_quiet_hours_follow_the_account(house: House, people: People) -> None:
    page = (await people.agent(house, path="/app/settings/profile")).page

    await page.get_by_label("新消息", exact=True).select_option("knock")
    await page.get_by_role("switch", name="这段时间不响、不弹、不推送").or_(page.get_by_label("免打扰")).first.check()
    await page.get_by_label("从").fill("21:30")
    await page.get_by_label("从").blur()
    await page.get_by_role("button", name="周日").click()
    await expect(page.get_by_role("button", name="周日")).to_have_attribute("aria-pressed", "false")

    async def kept() -> bool:
        quiet = (await house.admin.get("/me/preferences"))["settings"]["quiet_hours"]
        return quiet["start"] == "21:30" and 7 not in quiet["days"]

    await until(kept, "the quiet hours are saved")
    await page.reload()

    await expect(page.get_by_label("新消息", exact=True)).to_have_value("knock")
    await expect(page.get_by_label("从")).to_have_value("21:30")
    await expect(page.get_by_role("button", name="周日")).to_have_attribute("aria-pressed", "false")


async def test_the_workspace_can_be_installed_and_goes_through_its_worker(house: House, people: People) -> None:
    agent = await people.agent(house, path="/app/settings/profile", service_workers="allow")
    page = agent.page
    worker = await page.evaluate(
        "navigator.serviceWorker.ready.then((one) => [new URL(one.scope).pathname, one.active.scriptURL.split('/').pop()])"
    )
    described = await page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())")
    icons = await page.evaluate(
        "(icons) => Promise.all(icons.map((one) => fetch(one.src).then((answer) => [answer.status, answer.headers.get('content-type')])))",
        described["icons"],
    )

    assert worker == ["/app/", "sw.js"]
    assert (described["short_name"], described["start_url"], described["display"]) == ("洽谈", "/app/", "standalone")
    assert icons == [[200, "image/png"]] * 3

    # when the page is asked for again, through the worker, it is the page
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    answer = await page.reload()
    assert answer is not None
    assert (answer.status, answer.from_service_worker) == (200, True)
    await expect(page.get_by_role("heading", name="个人资料", level=1)).to_be_visible()
