"""The widget on a customer's own site."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Visitor
from tests.journeys.site import Site

_COLLECT = """window.violations = []
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""


async def test_the_widget_works_on_another_host_under_a_strict_policy(people: People, house: House, site: Site) -> None:
    agent = await people.agent(house)
    # given a site of another host that allows the documented directives and nothing else
    visitor = await people.visitor(house, address=people.address(house, path="/strict").replace(site.url, site.other_url), script=_COLLECT)

    # when the visitor and the agent talk
    await visitor.say("你们的网站很严")
    await agent.open("你们的网站很严")
    await agent.answer("插件照样能用")
    await visitor.sees("插件照样能用")

    # then the launcher and the panel are drawn as they should
    box = await visitor.launcher.bounding_box()
    assert box is not None
    assert box["width"] >= 56
    assert box["x"] > 1200
    # and nothing of ours broke a policy, the site's or our own
    for frame in visitor.page.frames:
        assert await frame.evaluate("window.violations") == []
    # and the agent sees where the visitor is
    await agent.page.get_by_role("tab", name="来源").click()
    page = agent.page.get_by_role("complementary", name="顾客资料").get_by_role("definition").get_by_role("link", name="松间小店")
    await expect(page).to_have_attribute("href", re.compile("/strict"))


async def test_sites_that_are_not_allowed_cannot_frame_the_panel(people: People, house: House, site: Site) -> None:
    # given a channel that only one site may show
    await house.dress(allowed_sites=[site.url])

    # when that site shows it, then it works
    welcome = await people.visitor(house)
    await expect(welcome.field).to_be_editable()

    # when another one does, then the browser refuses the panel
    stranger: Visitor = await people.visitor(house, opened=False, address=people.address(house).replace(site.url, site.other_url))
    await stranger.launcher.click()
    await expect(stranger.page.locator("iframe")).to_be_visible()
    await expect(stranger.page.locator("iframe").content_frame.get_by_role("textbox")).to_have_count(0)
    assert any("frame-ancestors" in text for text in stranger.watch.violations)
    stranger.watch.violations.clear()


async def test_a_visitor_of_a_foreign_host_is_the_same_one_on_the_next_page(people: People, house: House, site: Site) -> None:
    # given a browser that keeps nothing for frames of other sites, as private windows do
    agent = await people.agent(house)
    visitor = await people.visitor(house, address=people.address(house).replace(site.url, site.other_url))
    await visitor.say("我明天再来看")
    await agent.open("我明天再来看")
    await visitor.field.fill("还没写完")

    # when they go to the next page
    await visitor.page.goto(people.address(house, "另一件商品").replace(site.url, site.other_url))
    await visitor.open()

    # then the talk goes on where it was
    await visitor.sees("我明天再来看")
    await expect(visitor.field).to_have_value("还没写完")
    await visitor.say("还是这一件")
    await agent.sees("还是这一件")
    await expect(agent.inbox.get_by_role("tab", name="我的")).to_contain_text("1")
