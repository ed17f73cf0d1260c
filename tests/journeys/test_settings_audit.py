"""The audit log as it is read, and keys for programs from making to revoking."""

from __future__ import annotations

import httpx
from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House


async def test_what_was_done_can_be_read_filtered_and_taken_along(people: People, house: House) -> None:
    colleague = await house.hire("顾南乔")
    role = await house.role("客服专员", "conversations.serve")
    await house.admin.change(f"/roles/{role}", points=["conversations.serve", "files.send"], requires_two_factor=True)
    admin = await people.agent(house, path="/app/settings/audit")
    page = admin.page

    # then what was done stands there in words, newest first
    changed = page.get_by_role("listitem").filter(has_text="修改角色「客服专员」")
    await expect(changed).to_contain_text("沈知夏")
    await expect(page.get_by_role("listitem").filter(has_text="邀请客服「顾南乔」")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="注册企业「松间器物」")).to_be_visible()

    # when it is opened, then both sides of the change are there
    await changed.get_by_role("button").click()
    points = changed.get_by_role("row").filter(has=page.get_by_role("rowheader", name="权限点"))
    await expect(points).to_contain_text("发送图片")
    factor = changed.get_by_role("row").filter(has=page.get_by_role("rowheader", name="须两步验证"))
    await expect(factor.get_by_role("cell")).to_have_text(["否", "是"])

    # when only what the colleague did is asked for
    await page.get_by_label("操作人").select_option(label="顾南乔")
    await expect(page.get_by_role("listitem").filter(has_text="接受邀请，加入企业")).to_be_visible()
    await expect(changed).to_have_count(0)
    # then the address of the page says so, and it can be sent to somebody
    assert f"actor_id={colleague.id}" in page.url

    # when another page links to one role
    await page.goto(f"{house.server.url}/app/settings/audit?subject_kind=role&subject_id={role}")
    await expect(page.get_by_text("只看「客服专员」")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="角色「客服专员」")).to_have_count(2)
    await expect(page.get_by_role("listitem").filter(has_text="邀请客服")).to_have_count(0)

    # when nothing fits
    await page.get_by_label("结束日期").fill("2020-01-01")
    await expect(page.get_by_role("heading", name="没有符合筛选的记录")).to_be_visible()
    await page.get_by_role("button", name="清除筛选").click()
    await expect(page.get_by_role("listitem").filter(has_text="注册企业")).to_be_visible()

    # and it can be taken along, which is noted too
    await page.get_by_label("操作", exact=True).select_option(label="角色")
    await expect(page.get_by_role("listitem").filter(has_text="邀请客服")).to_have_count(0)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="导出 CSV").click()
    text = (await (await saving.value).path()).read_text("utf-8-sig")
    assert "role.changed" in text
    assert "agent.invited" not in text
    await page.get_by_role("button", name="清除筛选").click()
    await expect(page.get_by_role("listitem").filter(has_text="导出操作日志")).to_be_visible()


async def test_the_log_is_closed_to_whoever_lacks_the_permission(people: People, house: House) -> None:
    nobody = await house.hire("白露")
    page = (await people.agent(house, nobody, path="/app/settings/audit")).page
    await expect(page.get_by_role("heading", name="你没有查看这一页的权限")).to_be_visible()
    assert (await nobody.client.get("/audit")).status_code == 403


async def test_a_key_is_made_used_by_a_program_and_revoked(people: People, house: House) -> None:
    admin = await people.agent(house, path="/app/settings/api-keys")
    page = admin.page
    await expect(page.get_by_role("heading", name="还没有接口密钥")).to_be_visible()

    # when a key is asked for without saying what it may do
    await page.get_by_role("button", name="新建密钥").first.click()
    dialog = page.get_by_role("dialog", name="新建接口密钥")
    await dialog.get_by_label("名称").fill("订单系统")
    await dialog.get_by_role("button", name="新建", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("至少选一项权限")
    # what is worth something to a person only is not offered
    await expect(dialog.get_by_role("group", name="对话").get_by_role("checkbox", name="接待", exact=True)).to_have_count(0)
    await dialog.get_by_role("group", name="客服").get_by_role("checkbox", name="查看").check()
    await dialog.get_by_label("有效期").select_option(label="30 天")

    # when the password is another one, then none is made
    await dialog.get_by_label("你的密码").fill("another password")
    await dialog.get_by_role("button", name="新建", exact=True).click()
    await expect(dialog.get_by_text("密码不对")).to_be_visible()
    assert (await house.admin.get("/api-keys"))["items"] == []

    # when it is the own one
    await dialog.get_by_label("你的密码").fill(PASSWORD)
    await dialog.get_by_role("button", name="新建", exact=True).click()

    # then it is shown, once
    done = page.get_by_role("dialog", name="密钥「订单系统」已建好")
    secret = await done.get_by_label("密钥", exact=True).inner_text()
    assert secret.startswith("qk_")
    await done.get_by_role("button", name="我已保存，关闭").click()
    row = page.get_by_role("row").filter(has_text="订单系统")
    await expect(row).to_contain_text("可用")
    await expect(row).to_contain_text("还没用过")
    await expect(page.get_by_text(secret)).to_have_count(0)

    # when a program uses it
    async with httpx.AsyncClient(base_url=f"{house.server.url}/api/v1", headers={"Authorization": f"Bearer {secret}"}) as program:
        agents = await program.get("/agents")
        assert [one["name"] for one in agents.json()["items"]] == ["沈知夏"]
        # then it may do what was ticked, and nothing else
        assert (await program.get("/audit")).status_code == 403
        await page.reload()
        await expect(row).not_to_contain_text("还没用过")

        # when it is revoked
        await row.get_by_role("button", name="吊销").click()
        await page.get_by_role("dialog", name="吊销密钥「订单系统」？").get_by_role("button", name="吊销").click()
        await admin.toast("密钥「订单系统」已吊销")
        await expect(row).to_contain_text("已吊销")
        # then it opens nothing any more
        assert (await program.get("/agents")).status_code == 401

    # and both are in the log
    actions = [entry["action"] for entry in (await house.admin.get("/audit?action=api_key"))["items"]]
    assert actions == ["api_key.revoked", "api_key.created"]
