"""Second factors, recovery codes, passkeys and own sessions, as people use them."""

from __future__ import annotations

import re
import time

import pyotp
from playwright.async_api import Locator, Page, expect

from tests.journeys.audit import axe, chinese_words
from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House, Member
from tests.journeys.people import Agent
from tests.journeys.server import Server

OWN = "/app/settings/own-security"
STEP = 30


async def _device(page: Page) -> None:
    """A device with a fingerprint reader that always says yes."""
    line = await page.context.new_cdp_session(page)
    await line.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await line.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def _dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


async def _password(page: Page, email: str) -> None:
    """The first step of signing in."""
    await page.get_by_label("邮箱").fill(email)
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录", exact=True).click()


async def _step_two(people: People, server: Server, member: Member) -> Page:
    """Somebody at a browser of their own who has given the right password."""
    context, _ = await people.context()
    page = await context.new_page()
    await page.goto(f"{server.url}/app/")
    await _password(page, member.email)
    await expect(page.get_by_role("heading", name="两步验证")).to_be_visible()
    return page


async def _at_work(page: Page) -> None:
    await expect(page.get_by_role("heading", name="还没有对话")).to_be_visible()


async def _with_app(member: Member) -> tuple[pyotp.TOTP, list[str]]:
    """Give an account an authenticator app by the API; its codes of the past are taken for nothing else."""
    setup = await member.post("/me/totp", {"password": PASSWORD})
    totp = pyotp.TOTP(setup["secret"])
    # The code of the step before, so that the present one is still good for a sign-in.
    answer = await member.client.put("/me/totp", json={"code": totp.at(int(time.time()) - STEP)})
    assert answer.is_success, answer.text
    codes: list[str] = answer.json()["codes"]
    return totp, codes


async def test_an_authenticator_app_is_added_and_asked_for_at_the_next_sign_in(people: People, house: House, server: Server) -> None:
    # given an agent at their sign-in security, with another device signed in
    agent = await people.agent(house, path=OWN)
    other = await people.agent(house, await house.sign_in(house.admin))
    page, dialog = agent.page, _dialog(agent.page)
    await page.get_by_role("button", name=re.compile(r"^添加\s*身份验证器应用$")).click()

    # when they give a wrong password, then the right one
    await dialog.get_by_label("你的密码").fill("not-the-password")
    await dialog.get_by_role("button", name="下一步").click()
    await expect(dialog.get_by_text("密码不对")).to_be_visible()
    await dialog.get_by_label("你的密码").fill(PASSWORD)
    await dialog.get_by_role("button", name="下一步").click()
    await expect(dialog.get_by_role("img", name="给身份验证器应用扫的二维码")).to_be_visible()
    assert await axe(page) == []
    totp = pyotp.TOTP((await dialog.get_by_label("密钥").inner_text()).replace(" ", ""))

    # and a code of a clock that is 90 seconds slow
    await dialog.get_by_label("验证码").fill(totp.at(int(time.time()) - 90))
    # then the page says what to do
    await expect(dialog.get_by_text("手机的时间不准，验证码对不上")).to_be_visible()
    await expect(dialog.get_by_text("自动设置时间")).to_be_visible()

    # when the code is right, the recovery codes are shown, and the page goes on only when they are kept
    await dialog.get_by_label("验证码").fill(totp.at(int(time.time()) - STEP))
    codes = dialog.get_by_role("list", name="保存恢复码").get_by_role("listitem")
    await expect(codes).to_have_count(10)
    await expect(dialog.get_by_role("button", name="完成")).to_be_disabled()
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="下载为文本").click()
    saved = await (await saving.value).path()
    assert all(code.strip() in saved.read_text() for code in await codes.all_inner_texts())
    await dialog.get_by_label("我已经保存好了").check()
    await dialog.get_by_role("button", name="完成").click()
    await agent.toast("身份验证器应用已添加，其他设备已退出")
    await expect(page.get_by_text("还剩 10 个")).to_be_visible()

    # then the other device is out, and the next sign-in asks for a code
    await expect(other.page.get_by_text("登录已失效，请重新登录")).to_be_visible()
    await _password(other.page, house.admin.email)
    code = other.page.get_by_label("验证码")
    await expect(code).to_be_focused()
    assert await code.get_attribute("autocomplete") == "one-time-code"
    assert await axe(other.page) == []
    wrong = "000000" if totp.now() != "000000" else "111111"
    await code.fill(wrong)
    await expect(other.page.get_by_text("验证码不对，请输入最新的一个")).to_be_visible()
    await code.fill(totp.now())
    await _at_work(other.page)


async def test_a_code_of_a_wrong_clock_and_a_code_used_before_are_told_apart(people: People, house: House, server: Server) -> None:
    totp, _ = await _with_app(house.admin)

    # when the phone is 90 seconds slow
    page = await _step_two(people, server, house.admin)
    await page.get_by_label("验证码").fill(totp.at(int(time.time()) - 90))
    # then the page says what to do, and the right code signs in
    await expect(page.get_by_text("手机的时间不准，验证码对不上")).to_be_visible()
    await expect(page.get_by_text("自动设置时间")).to_be_visible()
    used = totp.now()
    await page.get_by_label("验证码").fill(used)
    await _at_work(page)

    # and the same code does not sign in a second time
    again = await _step_two(people, server, house.admin)
    await again.get_by_label("验证码").fill(used)
    await expect(again.get_by_text("这个验证码已经用过了，请等下一个")).to_be_visible()


async def test_a_recovery_code_signs_in_once(people: People, house: House, server: Server) -> None:
    _, codes = await _with_app(house.admin)

    page = await _step_two(people, server, house.admin)
    await page.get_by_role("button", name="改用恢复码").click()
    await page.get_by_label("恢复码").fill(codes[0].lower())
    await page.get_by_role("button", name="继续").click()
    await _at_work(page)
    await page.goto(f"{server.url}{OWN}")
    await expect(page.get_by_text("还剩 9 个")).to_be_visible()

    again = await _step_two(people, server, house.admin)
    await again.get_by_role("button", name="改用恢复码").click()
    await again.get_by_label("恢复码").fill(codes[0])
    await again.get_by_role("button", name="继续").click()
    await expect(again.get_by_text("恢复码不对，或已经用过")).to_be_visible()


async def test_too_many_wrong_codes_lead_back_to_the_first_step_with_the_address_kept(people: People, house: House, server: Server) -> None:
    totp, _ = await _with_app(house.admin)
    page = await _step_two(people, server, house.admin)
    near = {totp.at(int(time.time()) + STEP * step) for step in range(-12, 13)}
    wrong = [code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666") if code not in near]

    for code in wrong[:5]:
        await page.get_by_label("验证码").fill(code)
        await expect(
            page.get_by_label("验证码").and_(page.locator("[aria-invalid]")).or_(page.get_by_text("这次登录已过期"))
        ).to_be_visible()
    await page.get_by_label("验证码").fill(wrong[5])

    await expect(page.get_by_text("这次登录已过期")).to_be_visible()
    await expect(page.get_by_label("邮箱")).to_have_value(house.admin.email)
    await expect(page.get_by_label("密码", exact=True)).to_have_value("")


async def test_a_passkey_is_made_named_used_for_both_ways_of_signing_in_and_removed(people: People, house: House, server: Server) -> None:
    # given a passkey on this device
    agent = await people.agent(house, path=OWN)
    page, dialog = agent.page, _dialog(agent.page)
    await _device(page)
    await page.get_by_role("button", name=re.compile(r"^添加\s*通行密钥$")).click()
    await dialog.get_by_label("名称").fill("办公室的笔记本")
    await dialog.get_by_label("你的密码").fill(PASSWORD)
    await dialog.get_by_role("button", name="创建通行密钥").click()
    await expect(dialog.get_by_role("list", name="保存恢复码").get_by_role("listitem")).to_have_count(10)
    await dialog.get_by_label("我已经保存好了").check()
    await dialog.get_by_role("button", name="完成").click()
    await expect(page.get_by_role("button", name=re.compile(r"^改名\s*办公室的笔记本$"))).to_be_visible()
    # and a second one on the same device is not made
    await page.get_by_role("button", name=re.compile(r"^添加\s*通行密钥$")).click()
    await dialog.get_by_label("你的密码").fill(PASSWORD)
    await dialog.get_by_role("button", name="创建通行密钥").click()
    await expect(dialog.get_by_text("这台设备已经有这个账号的通行密钥了")).to_be_visible()
    await dialog.get_by_role("button", name="取消").click()

    # when they sign out and come back with the passkey alone
    await agent.page.get_by_role("button", name=re.compile("打开个人菜单$")).click()
    await page.get_by_role("menuitem", name="退出登录").click()
    await page.get_by_role("button", name="用通行密钥登录").click()
    # then they are in, without a word typed
    await expect(page.get_by_role("navigation", name="主导航")).to_be_visible()

    # and it is the second step after a password too
    await page.context.clear_cookies()
    await page.goto(f"{server.url}{OWN}")
    await _password(page, house.admin.email)
    await page.get_by_role("button", name="使用通行密钥").click()
    # and leads to where they wanted to go
    await expect(page.get_by_role("heading", name="登录安全")).to_be_visible()

    # when it gets another name, and is removed
    await page.get_by_role("button", name=re.compile(r"^改名\s*办公室的笔记本$")).click()
    await page.get_by_label("名称").fill("旧笔记本")
    await page.get_by_role("button", name="保存", exact=True).click()
    remove = page.get_by_role("button", name=re.compile(r"^移除\s*旧笔记本$"))
    await remove.click()
    await expect(dialog.get_by_text("移除后只凭密码就能登录")).to_be_visible()
    await dialog.get_by_label("你的密码").fill(PASSWORD)
    await dialog.get_by_role("button", name="移除").click()
    await agent.toast("通行密钥已移除，其他设备已退出")
    await expect(remove).to_be_hidden()

    # then it opens nothing any more
    await page.context.clear_cookies()
    await page.goto(f"{server.url}/app/sign-in")
    await page.get_by_role("button", name="用通行密钥登录").click()
    await expect(page.get_by_text("没有认出这个通行密钥")).to_be_visible()


async def test_a_role_that_asks_for_a_second_factor_lets_nothing_else_through(people: People, house: House, server: Server) -> None:
    # given an agent at work whose role begins to ask for a second factor
    role = await house.role("外部客服", "conversations.serve")
    colleague = await house.hire("白露", role_id=role)
    agent = await people.agent(house, colleague)
    page = agent.page
    await _at_work(page)
    await house.admin.change(f"/roles/{role}", requires_two_factor=True)

    # then the open page goes to where one is added, and no address leads past it
    await expect(page.get_by_role("heading", name="先添加两步验证")).to_be_visible()
    assert await axe(page) == []
    await page.goto(f"{server.url}/app/settings/profile")
    await expect(page.get_by_role("heading", name="先添加两步验证")).to_be_visible()

    # when they add an app and keep the codes
    await page.get_by_role("button", name=re.compile("^身份验证器应用")).click()
    await page.get_by_label("你的密码").fill(PASSWORD)
    await page.get_by_role("button", name="下一步").click()
    totp = pyotp.TOTP((await page.get_by_label("密钥").inner_text()).replace(" ", ""))
    await page.get_by_label("验证码").fill(totp.now())
    await expect(page.get_by_role("list", name="保存恢复码").get_by_role("listitem")).to_have_count(10)
    assert await axe(page) == []
    await page.get_by_label("我已经保存好了").check()
    await page.get_by_role("button", name="继续").click()

    # then they are where they wanted to be, and the line is open
    await expect(page.get_by_role("heading", name="个人资料")).to_be_visible()
    presence = await house.admin.get("/presence")
    assert [item["connected"] for item in presence["items"] if item["agent_id"] == colleague.id] == [True]


async def test_a_device_that_is_signed_out_from_afar_closes_at_once(people: People, house: House) -> None:
    # given one account at two browsers
    here = await people.agent(house, path=OWN)
    there = await people.agent(house, await house.sign_in(house.admin), path="/app/settings/enterprise")
    await here.page.reload()
    devices = here.page.get_by_role("listitem").filter(has_text="正在使用")
    await expect(devices).to_contain_text("当前")

    # when the other one is signed out
    await here.page.get_by_role("button", name="退出其他所有设备").click()
    await _dialog(here.page).get_by_role("button", name="退出其他所有设备").click()
    await here.toast("其他设备都已退出登录")

    # then its open page closes, and this one goes on
    await expect(there.page.get_by_text("登录已失效，请重新登录")).to_be_visible()
    await expect(here.page.get_by_role("button", name="退出其他所有设备")).to_be_hidden()
    await here.page.reload()
    await expect(here.page.get_by_role("heading", name="已登录的设备")).to_be_visible()


async def test_sign_in_security_reads_in_english(people: People, house: House) -> None:
    changed = await house.admin.client.patch("/me", json={"locale": "en", "version": house.admin.me["agent"]["version"]})
    assert changed.is_success, changed.text
    await _with_app(house.admin)
    agent = await people.agent(house, path=OWN, locale="en-US")
    page = agent.page
    await expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    await expect(page.get_by_text("10 left")).to_be_visible()
    await expect(page.get_by_role("button", name="Online, open your menu")).to_be_visible()
    assert await chinese_words(page, "沈知夏, Online, open your menu", "简体中文", "夏") == []
    assert await axe(page) == []


async def test_somebody_who_forgot_the_password_is_told_whom_to_ask(people: People, house: House, server: Server) -> None:
    context, watch = await people.context()
    lost = Agent(context, await context.new_page(), watch)
    await lost.page.goto(f"{server.url}/app/")
    await lost.page.get_by_role("link", name="忘记密码").click()
    # no mail is set up here
    await expect(lost.page.get_by_text("请企业管理员")).to_be_visible()

    # when an administrator makes them a link
    colleague = await house.hire("白露")
    sent = await house.admin.post(f"/agents/{colleague.id}/password-reset")
    await lost.page.goto(sent["link"])
    await expect(lost.page.get_by_text(colleague.email)).to_be_visible()
    assert "token" not in lost.page.url
    await lost.page.get_by_label("新密码").fill("bamboo-lantern-17-snow")
    await lost.page.get_by_role("button", name="保存新密码").click()
    await expect(lost.page.get_by_role("heading", name="密码已改好")).to_be_visible()
    await lost.page.get_by_role("link", name="登录").click()

    # then the new one signs in, and the link is used up
    await lost.page.get_by_label("邮箱").fill(colleague.email)
    await lost.page.get_by_label("密码", exact=True).fill("bamboo-lantern-17-snow")
    await lost.page.get_by_role("button", name="登录", exact=True).click()
    await _at_work(lost.page)
    late = await context.new_page()
    await late.goto(sent["link"])
    await expect(late.get_by_role("heading", name="重设链接已失效")).to_be_visible()
