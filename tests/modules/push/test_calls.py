"""What else calls an agent whose pages are closed: conversations that come to them, offers, and notes that name them."""

from __future__ import annotations

from typing import Any

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from tests.modules.push.test_push import Work, agent, guest, prefer, service, settings, subscribe, work
from tests.modules.routing import scene
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.push_service import Browser, PushService

__all__ = ["agent", "guest", "service", "settings", "work"]


async def _phone(service: PushService, doors: Doors, member: Member) -> Browser:
    browser = service.browser()
    await subscribe(doors, member, browser)
    return browser


def _told(service: PushService, phone: Browser) -> list[dict[str, Any]]:
    return [
        {name: one[name] for name in ("kind", "conversation_id", "name", "text")}
        for one in (phone.read(call.body) for call in service.pushed)
    ]


async def test_a_conversation_that_comes_to_an_agent_calls_with_its_first_words(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    phone = await _phone(service, doors, agent)

    conversation_id = await talk.served(database, guest, agent, "门店周一开吗")
    await work()

    (told,) = _told(service, phone)
    assert (told["kind"], told["conversation_id"], told["text"]) == ("assigned", str(conversation_id), "门店周一开吗")


async def test_a_conversation_that_is_handed_over_calls_whom_it_comes_to_and_not_who_gave_it(
    service: PushService, doors: Doors, database: Database, factories: Factories, agent: Member, guest: Guest, work: Work
) -> None:
    giver = await factories.agent(agent.enterprise_id, name="程思远")
    conversation_id = await talk.served(database, guest, giver, "想换一只杯子")
    await work()
    phone = await _phone(service, doors, agent)
    await subscribe(doors, giver, service.browser("two"))

    await talk.transfer(database, conversation_id, giver, agent)
    await work()

    (call,) = service.pushed
    told = phone.read(call.body)
    assert (told["kind"], told["conversation_id"], told["text"]) == ("assigned", str(conversation_id), "想换一只杯子")


async def test_who_is_asked_to_go_on_is_called_with_the_word_and_the_name_of_who_asks(
    service: PushService, doors: Doors, database: Database, factories: Factories, work: Work
) -> None:
    # given a tenant in which a transfer is asked for, and two agents who are there, one of them with a phone whose screen is dark
    tenant = await factories.tenant()
    asker = await factories.agent(tenant.enterprise_id, role="department_head", scope=scene.EVERYTHING, name="顾南乔")
    asked = await factories.agent(tenant.enterprise_id, name="许砚")
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, asker)
    page = await doors.agent_socket(asked)
    await page.send(type="page", asleep=True)
    await page.settle()
    (conversation_id,) = await scene.served(database, factories, asker)
    await work()
    phone = await _phone(service, doors, asked)
    await subscribe(doors, asker, service.browser("two"))

    # when one asks the other
    made = await doors.agent(asker).post(
        f"/conversations/{conversation_id}/transfer", json={"agent_id": str(asked.id), "note": "老客户，语气软一点"}
    )
    assert made.status_code == 200, made.text
    await work()

    # then the other is called, once, and the answer calls nobody
    assert _told(service, phone) == [
        {"kind": "offer", "conversation_id": str(conversation_id), "name": "顾南乔", "text": "老客户，语气软一点"}
    ]
    offer = made.json()["offer"]["id"]
    assert (await doors.agent(asked).post(f"/transfer-offers/{offer}/refuse")).is_success
    await work()
    assert len(service.pushed) == 1


async def test_a_note_calls_whom_it_names_and_nobody_else(
    service: PushService, doors: Doors, database: Database, factories: Factories, work: Work
) -> None:
    tenant: Tenant = await factories.tenant()
    writer, named, other = [
        await factories.agent(tenant.enterprise_id, role="department_head", scope=scene.EVERYTHING, name=name)
        for name in ("顾南乔", "许砚", "白露")
    ]
    (conversation_id,) = await scene.served(database, factories, writer)
    await work()
    phone = await _phone(service, doors, named)
    for number, member in enumerate((writer, other)):
        await subscribe(doors, member, service.browser(f"other-{number}"))

    await talk.note(database, writer, conversation_id, "@许砚 发货前请抽检", mentions=[named.id])
    await work()

    assert _told(service, phone) == [
        {"kind": "mention", "conversation_id": str(conversation_id), "name": "顾南乔", "text": "@许砚 发货前请抽检"}
    ]


async def test_quiet_hours_and_a_hidden_text_hold_for_every_kind_of_call(
    service: PushService, doors: Doors, database: Database, factories: Factories, work: Work
) -> None:
    tenant = await factories.tenant()
    writer, named = [
        await factories.agent(tenant.enterprise_id, role="department_head", scope=scene.EVERYTHING, name=name)
        for name in ("顾南乔", "许砚")
    ]
    (conversation_id,) = await scene.served(database, factories, writer)
    await work()
    phone = await _phone(service, doors, named)

    # what is written stays out
    await prefer(doors, named, push_preview=False)
    await talk.note(database, writer, conversation_id, "@许砚 银行卡号", mentions=[named.id], message_id=new_id())
    await work()
    assert [(one["kind"], one["text"]) for one in _told(service, phone)] == [("mention", "")]

    # and in quiet hours nothing comes at all
    quiet = {"enabled": True, "start": "00:00", "until": "23:59", "days": [1, 2, 3, 4, 5, 6, 7]}
    saved = await doors.agent(named).put("/me/preferences", json={"settings": {"quiet_hours": quiet}, "version": 1})
    assert saved.status_code == 200, saved.text
    await talk.note(database, writer, conversation_id, "@许砚 还在吗", mentions=[named.id])
    await work()
    assert len(service.pushed) == 1
