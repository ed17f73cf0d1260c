"""Sign-in limits, the login log and the identity provider, as those who look after security set them up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.audit import axe, chinese_words
from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House, Member, client_of, house_of
from tests.journeys.people import Agent
from tests.journeys.server import Server

SECURITY = "/app/settings/security"
EVERYBODY = {"kind": "all", "group_ids": []}
KEEPER = ("agents.view", "security.view", "security.edit", "security.logins")
ABROAD = "8.8.8.8"
SHENZHEN = "202.96.134.33"


async def _keeper(house: House) -> Member:
    """Somebody who looks after security and is no administrator: the rules can hit them too."""
    return await house.hire("谢流云", role_id=await house.role("安全负责人", *KEEPER), scope=EVERYBODY)


async def _tries(house: House, member: Member, address: str) -> httpx.Response:
    client = client_of(house.server)
    client.headers["X-Forwarded-For"] = address
    async with client:
        return await client.post("/session", json={"email": member.email, "password": PASSWORD})


async def _restrict(house: House, **rules: Any) -> dict[str, Any]:
    """Restrict ordinary agents, as the administrator at the API."""
    body = {"enabled": True, "role_ids": [await house.builtin("agent")], "regions": [], "trusted": [], "version": 0, **rules}
    answer = await house.admin.client.put("/security/login-policy", json=body)
    assert answer.status_code == 200, answer.text
    policy: dict[str, Any] = answer.json()
    return policy


def _log(page: Page) -> Locator:
    return page.get_by_role("complementary", name="登录日志")


async def _save(page: Page) -> None:
    await page.get_by_role("button", name="保存", exact=True).click()


async def test_rules_are_saved_and_a_sign_in_from_elsewhere_is_denied_and_noted(people: People, house: House) -> None:
    colleague = await house.hire("顾南乔")
    admin = await people.agent(house, path=SECURITY)
    page = admin.page

    # when the limits are switched on without saying for whom and where
    await page.get_by_role("switch", name="启用登录限制").check()
    await _save(page)
    # then the page says what is missing, and nothing is saved
    await expect(page.get_by_role("alert")).to_have_text("至少选一个角色，否则没有人受限。")
    assert (await house.admin.get("/security/login-policy"))["version"] == 0

    # when a role, a city and an office are chosen
    await page.get_by_role("checkbox", name="普通客服").check()
    await page.get_by_label("国家、省份、城市").fill("深圳")
    await page.get_by_role("checkbox", name="深圳市").check()
    await expect(page.get_by_text("已选 1 个地区")).to_be_visible()
    await page.get_by_label("单个地址或 CIDR").fill("198.51.100.40")
    await page.get_by_label("区间的末尾，可空").fill("198.51.100.1")
    await page.get_by_role("button", name="添加", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("末尾比开头小，请换一下")
    await page.get_by_label("单个地址或 CIDR").fill("198.51.100.1")
    await page.get_by_label("区间的末尾，可空").fill("198.51.100.40")
    await page.get_by_label("备注", exact=True).fill("深圳办公室")
    await page.get_by_role("button", name="添加", exact=True).click()
    await expect(page.get_by_role("row", name="198.51.100.1 – 198.51.100.40 区间 深圳办公室 未保存")).to_be_visible()
    # then whoever would be signed out is named before it is saved
    await expect(page.get_by_text("保存后，1 位在线客服会被登出")).to_be_visible()
    await expect(page.get_by_text("一分钟内登出：顾南乔。")).to_be_visible()
    await _save(page)
    await admin.toast("登录限制已保存")
    policy = await house.admin.get("/security/login-policy")
    assert (policy["enabled"], [one["code"] for one in policy["regions"]]) == (True, ["CN/广东省/深圳市"])
    assert [(one["first"], one["last"], one["note"]) for one in policy["trusted"]] == [("198.51.100.1", "198.51.100.40", "深圳办公室")]

    # when the colleague signs in from abroad, from the city, and from the office
    assert (await _tries(house, colleague, ABROAD)).json()["error"]["code"] == "login_denied"
    assert (await _tries(house, colleague, SHENZHEN)).status_code == 200
    assert (await _tries(house, colleague, "198.51.100.7")).status_code == 200
    # then the log says so, in words
    log = _log(page)
    await log.get_by_role("button", name="刷新").click()
    for line in (
        "顾南乔 通过 198.51.100.7地区不明可信任 IP",
        f"顾南乔 通过 {SHENZHEN}广东省 深圳市可登录地区",
        f"顾南乔 拒绝 {ABROAD}美国地区不允许",
    ):
        name, verdict, rest = line.split(" ", 2)
        row = log.get_by_role("listitem").filter(has_text=rest)
        await expect(row).to_contain_text(name)
        await expect(row).to_contain_text(verdict)
    await log.get_by_role("button", name="拒绝", exact=True).click()
    await expect(log.get_by_role("listitem").filter(has_text="可登录地区")).to_have_count(0)
    await expect(log.get_by_role("listitem").filter(has_text=ABROAD)).to_be_visible()

    # and the log can be taken along
    async with page.expect_download() as saving:
        await log.get_by_role("button", name="导出 CSV").click()
    text = (await (await saving.value).path()).read_text("utf-8-sig")
    assert ABROAD in text
    assert SHENZHEN not in text


async def test_an_address_is_tried_on_the_form_before_it_is_saved(people: People, house: House) -> None:
    admin = await people.agent(house, path=SECURITY)
    page = admin.page
    await page.get_by_label("试一个地址").fill(ABROAD)
    await page.get_by_role("button", name="试一下").click()
    await expect(page.get_by_role("status").filter(has_text="登录限制没有启用。")).to_be_visible()

    await page.get_by_role("switch", name="启用登录限制").check()
    await page.get_by_role("checkbox", name="普通客服").check()
    await page.get_by_role("checkbox", name="广东省").check()
    await page.get_by_role("button", name="试一下").click()
    await expect(page.get_by_role("status").filter(has_text="拒绝。")).to_contain_text(
        "地区 美国 不在可登录地区；不在可信任 IP。按未保存的修改算。"
    )
    await page.get_by_label("试一个地址").fill(SHENZHEN)
    await page.get_by_role("button", name="试一下").click()
    await expect(page.get_by_role("status").filter(has_text="通过。")).to_contain_text("地区 广东省 深圳市 可以登录。")
    # and nothing of it is in force
    assert (await house.admin.get("/security/login-policy"))["enabled"] is False


async def test_who_would_lock_themselves_out_is_warned_and_offered_the_remedy(people: People, house: House) -> None:
    keeper = await _keeper(house)
    await _restrict(house, regions=["CN/江苏省"])
    agent = await people.agent(house, keeper, path=SECURITY)
    page = agent.page

    # when they choose their own role
    await page.get_by_role("checkbox", name="安全负责人").check()
    # then they are told before they save, with their own address
    await expect(page.get_by_text("保存后，你也会被登出")).to_be_visible()
    await expect(page.get_by_text("你现在的地址 127.0.0.1 认不出地区")).to_be_visible()
    await expect(page.get_by_role("button", name="保存", exact=True)).to_be_disabled()

    # when they trust their address
    await page.get_by_role("button", name="把 127.0.0.1 加入可信任 IP").click()
    await expect(page.get_by_text("保存后，你也会被登出")).to_be_hidden()
    await _save(page)
    # then they stay signed in, and a new sign-in from there passes
    await agent.toast("登录限制已保存")
    await page.reload()
    await expect(page.get_by_role("checkbox", name="安全负责人")).to_be_checked()
    assert (await _tries(house, keeper, ABROAD)).status_code == 403


async def test_who_means_it_is_signed_out_and_meets_the_rules_at_the_door(people: People, house: House) -> None:
    keeper = await _keeper(house)
    await _restrict(house, regions=["CN/江苏省"])
    agent = await people.agent(house, keeper, path=SECURITY)
    page = agent.page

    await page.get_by_role("checkbox", name="安全负责人").check()
    await page.get_by_role("checkbox", name="我知道会被登出，仍要保存").check()
    await _save(page)

    # then they are at the door, which does not open from here
    await expect(page.get_by_label("邮箱")).to_be_visible()
    await page.get_by_label("邮箱").fill(keeper.email)
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录", exact=True).click()
    await expect(page.get_by_text("当前网络不能登录这个账号")).to_be_visible()
    await expect(page.get_by_text("IP 127.0.0.1")).to_be_visible()
    # and the administrator, whom no rule hits, sees it
    log = (await house.admin.get("/security/login-log?allowed=false"))["items"]
    assert {(entry["agent"]["name"], entry["address"], entry["reason"]) for entry in log} == {("谢流云", "127.0.0.1", "region_unknown")}


async def test_whoever_may_see_one_half_sees_that_half(people: People, house: House) -> None:
    leader = await house.hire("顾南乔", role_id=await house.role("组长", "security.logins"), scope=EVERYBODY)
    reader = await house.hire("陶然", role_id=await house.role("审阅", "security.view", "agents.view"), scope=EVERYBODY)

    page = (await people.agent(house, leader, path=SECURITY)).page
    await expect(page.get_by_role("listitem").filter(has_text="沈知夏")).to_be_visible()
    await expect(page.get_by_role("heading", name="可登录地区")).to_be_hidden()

    page = (await people.agent(house, reader, path=SECURITY)).page
    await expect(page.get_by_role("heading", name="可登录地区")).to_be_visible()
    await expect(page.get_by_text("只能查看", exact=True)).to_be_visible()
    await expect(page.get_by_role("checkbox", name="普通客服")).to_be_disabled()
    await expect(page.get_by_role("heading", name="登录日志")).to_be_hidden()

    nobody = await house.hire("白露")
    page = (await people.agent(house, nobody, path=SECURITY)).page
    await expect(page.get_by_role("heading", name="你没有查看这一页的权限")).to_be_visible()


async def test_the_identity_provider_is_set_up_tested_and_removed(people: People, house: House) -> None:
    admin = await people.agent(house, path="/app/settings/sso")
    page = admin.page
    await expect(page.get_by_label("回调地址").last).to_have_text(f"{house.server.url}/app/oidc/{house.admin.me['enterprise']['id']}")

    # when something is missing
    await page.get_by_label("显示名称").fill("松间统一登录")
    await page.get_by_label("提供方地址").fill("login.example.com")
    await _save(page)
    await expect(page.get_by_role("alert").filter(has_text="写成 https:// 开头的网址")).to_be_visible()
    await expect(page.get_by_role("alert").filter(has_text="请填写")).to_have_count(2)
    assert (await house.admin.get("/security/oidc"))["version"] == 0

    # when nobody answers there
    await page.get_by_label("提供方地址").fill("https://127.0.0.1:9")
    await page.get_by_label("客户端编号").fill("qiatan")
    await page.get_by_label("客户端密钥").fill("a-secret-of-the-provider")
    await page.get_by_role("button", name="测试连接").click()
    await expect(page.get_by_role("alert").filter(has_text="连不上身份提供方")).to_be_visible()

    # it can be saved all the same; the secret is never shown again
    await _save(page)
    await admin.toast("单点登录已保存")
    await expect(page.get_by_label("客户端密钥")).to_have_value("")
    await expect(page.get_by_label("客户端密钥")).to_have_attribute("placeholder", "已保存，留空则不变")
    saved = await house.admin.get("/security/oidc")
    assert (saved["enabled"], saved["label"], saved["version"]) == (True, "松间统一登录", 1)
    assert "a-secret-of-the-provider" not in str(saved)

    # when it is removed
    await page.get_by_role("button", name="移除").click()
    await page.get_by_role("dialog", name="移除单点登录？").get_by_role("button", name="移除").click()
    await admin.toast("单点登录已移除")
    await expect(page.get_by_label("显示名称")).to_have_value("")
    assert (await house.admin.get("/security/oidc"))["version"] == 0


@pytest.fixture
async def english(server: Server) -> AsyncIterator[House]:
    async with house_of(server, name="Pine & Kettle", admin="Zoe Shen") as house:
        me = house.admin.me["agent"]
        assert (await house.admin.client.patch("/me", json={"locale": "en", "version": me["version"]})).status_code == 200
        await _restrict(house, regions=["US"], trusted=[{"first": "10.0.0.0/8", "note": "Office"}])
        yield house


async def test_the_pages_are_whole_in_english_for_everybody(people: People, english: House) -> None:
    agent = await people.agent(english, path=SECURITY, locale="en-US")
    found: list[str] = []
    for name in ("security", "sso", "api-keys", "audit"):
        await agent.page.goto(f"{english.server.url}/app/settings/{name}")
        await expect(agent.page.get_by_role("heading", level=1).last).to_be_visible()
        await expect(agent.page.locator("[aria-busy=true]")).to_have_count(0)
        found += [f"{name}: {one}" for one in await axe(agent.page)]
        # The first channel is named by the server, in the enterprise's language.
        found += [f"{name}: {one}" for one in await chinese_words(agent.page) if "官网" not in one and "普通客服" not in one]
    assert found == [], "\n".join(found)


async def test_the_pages_hold_on_a_phone(people: People, house: House) -> None:
    agent: Agent = await people.agent(house, path=SECURITY, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = agent.page
    await expect(page.get_by_role("heading", name="可信任 IP")).to_be_attached()
    await page.get_by_role("button", name="登录日志").tap()
    await expect(page.get_by_role("listitem").filter(has_text="沈知夏")).to_be_visible()
    found: list[str] = []
    for name in ("security", "sso", "api-keys", "audit"):
        await page.goto(f"{house.server.url}/app/settings/{name}")
        await expect(page.get_by_role("heading", level=1).last).to_be_visible()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        found += [f"{name}: {one}" for one in await axe(page)]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the screen")
    assert found == [], "\n".join(found)
