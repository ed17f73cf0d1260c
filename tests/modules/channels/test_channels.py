from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.errors import NotFound
from qiatan.modules.channels import realtime, service
from qiatan.modules.channels.contracts import Channel, NewChannel, WebSettings
from qiatan.modules.channels.errors import TooManyChannels
from qiatan.modules.channels.events import ChannelChanged
from qiatan.modules.channels.rules import fresh_settings
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def _first(database: Database, enterprise_id: UUID) -> Channel:
    async with database.tenant(enterprise_id) as tx:
        return await service.create_default(tx)


async def test_every_enterprise_gets_one_first_channel_however_often_it_is_asked_for(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()

    made = await asyncio.gather(*(_first(database, tenant.enterprise_id) for _ in range(4)))

    assert len({channel.id for channel in made}) == 1
    async with database.tenant(tenant.enterprise_id) as tx:
        page = await service.list_page(tx, tenant.admin.actor, after=None, limit=10)
    assert page.items == [made[0]]
    assert (made[0].name, made[0].enabled, made[0].version, made[0].settings) == ("官网", True, 1, WebSettings())


async def test_the_first_channel_of_who_signs_up_in_english_speaks_english(database: Database, doors: Doors) -> None:
    founder = {
        "enterprise_name": "Pine Goods",
        "name": "Ada",
        "email": "ada@pine.example",
        "password": "a long pass phrase",
        "locale": "en",
    }

    signed_up = await doors.stranger().post("/signup", json=founder)

    assert (signed_up.status_code, signed_up.json()["agent"]["locale"]) == (201, "en"), signed_up.text
    first = await _first(database, UUID(signed_up.json()["enterprise"]["id"]))
    assert (first.name, first.settings) == ("Website", fresh_settings("en"))


async def test_a_new_channel_speaks_the_language_of_who_makes_it(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    me = (await http.get("/me")).json()["agent"]
    assert (await http.patch("/me", json={"locale": "en", "version": me["version"]})).status_code == 200

    made = (await http.post("/channels", json={"name": "Shop"})).json()

    assert made["settings"] == fresh_settings("en").model_dump(mode="json")


async def test_the_widget_is_told_only_what_the_enterprise_wrote(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    before = (await doors.stranger().get(f"/widget/{channel.key}/config")).json()
    await doors.agent(tenant.admin).patch(f"/channels/{channel.id}", json={"version": 1, "settings": {"greeting": "这里是松间器物"}})

    after = (await doors.stranger().get(f"/widget/{channel.key}/config")).json()

    assert [before["settings"][name] for name in ("title", "greeting", "offline_text", "launcher_text")] == [None] * 4
    assert after["settings"] == before["settings"] | {"greeting": "这里是松间器物"}


async def test_an_administrator_makes_sees_and_changes_a_channel(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    admin = doors.agent(tenant.admin)

    created = await admin.post("/channels", json={"name": "小程序\u202e商城"})
    channel = created.json()
    changed = await admin.patch(
        f"/channels/{channel['id']}", json={"version": 1, "settings": {"color": "#AA0000", "allowed_sites": ["https://a.example/"]}}
    )
    seen = await admin.get(f"/channels/{channel['id']}")

    assert (created.status_code, channel["name"], channel["kind"], channel["version"]) == (201, "小程序商城", "web", 1)
    assert len(channel["key"]) >= 22
    assert channel["snippet"] == f'<script async src="http://qiatan.test/widget.js" data-channel="{channel["key"]}"></script>'
    assert "enterprise_id" not in channel
    assert changed.status_code == 200
    assert (
        seen.json()
        == changed.json()
        == channel
        | {
            "version": 2,
            "settings": channel["settings"] | {"color": "#aa0000", "allowed_sites": ["https://a.example"]},
        }
    )


async def test_settings_that_are_left_out_stay(factories: Factories, database: Database, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    admin = doors.agent(tenant.admin)
    await admin.patch(f"/channels/{channel.id}", json={"version": 1, "settings": {"allowed_sites": ["https://a.example"]}})

    answer = await admin.patch(f"/channels/{channel.id}", json={"version": 2, "settings": {"title": "松间客服"}})

    assert answer.json()["settings"]["allowed_sites"] == ["https://a.example"]
    assert answer.json()["settings"]["title"] == "松间客服"


async def test_two_who_change_a_channel_at_once_do_not_overwrite_each_other(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    admin = doors.agent(tenant.admin)

    answers = await asyncio.gather(*(admin.patch(f"/channels/{channel.id}", json={"version": 1, "name": name}) for name in ("甲", "乙")))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner, loser = sorted(answers, key=lambda answer: answer.status_code)
    assert loser.json()["error"]["code"] == "version_conflict"
    assert (await admin.get(f"/channels/{channel.id}")).json() == winner.json()


async def test_an_ordinary_agent_neither_sees_nor_changes_channels(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    agent = doors.agent(await factories.agent(tenant.enterprise_id))

    answers = [
        await agent.get("/channels"),
        await agent.get(f"/channels/{channel.id}"),
        await agent.post("/channels", json={"name": "x"}),
        await agent.patch(f"/channels/{channel.id}", json={"version": 1, "enabled": False}),
    ]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, "not_allowed")] * 4
    async with database.tenant(tenant.enterprise_id) as tx:
        page = await service.list_page(tx, tenant.admin.actor, after=None, limit=10)
    assert page.items == [channel]


async def test_another_enterprises_channel_does_not_exist(database: Database, factories: Factories, doors: Doors) -> None:
    ours, theirs = await factories.tenant(), await factories.tenant()
    channel = await _first(database, theirs.enterprise_id)
    admin = doors.agent(ours.admin)

    seen = await admin.get(f"/channels/{channel.id}")
    changed = await admin.patch(f"/channels/{channel.id}", json={"version": 1, "enabled": False})
    listed = await admin.get("/channels")

    assert (seen.status_code, changed.status_code) == (404, 404)
    assert str(channel.id) not in listed.text
    async with database.tenant(theirs.enterprise_id) as tx:
        assert await service.get(tx, channel.id) == channel
    async with database.tenant(ours.enterprise_id) as tx:
        assert await service.briefs(tx, [channel.id, new_id()]) == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"version": 1, "settings": {"color": "red"}}, "settings.color"),
        ({"version": 1, "settings": {"offset_x": 201}}, "settings.offset_x"),
        ({"version": 1, "settings": {"__proto__": {"admin": True}}}, "settings.__proto__"),
        ({"version": 1, "settings": {"allowed_sites": ["https://*.a.example"]}}, "settings.allowed_sites.0"),
        ({"version": 1, "name": "长" * 61}, "name"),
        ({"version": 1, "key": "chosen-by-the-attacker"}, "key"),
        ({"version": 1, "enterprise_id": "01a0b1c2-d3e4-7f00-8000-0000000abcde"}, "enterprise_id"),
        ({"version": 1, "is_first": True}, "is_first"),
        ({"enabled": False}, "version"),
    ],
)
async def test_a_refused_change_names_the_field_and_changes_nothing(
    database: Database, factories: Factories, doors: Doors, body: dict[str, Any], field: str
) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)

    answer = await doors.agent(tenant.admin).patch(f"/channels/{channel.id}", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.get(tx, channel.id) == channel


async def test_the_list_comes_in_pages_oldest_first(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    admin = doors.agent(tenant.admin)
    made = [(await admin.post("/channels", json={"name": f"站点 {number}"})).json()["id"] for number in range(3)]

    first = (await admin.get("/channels", params={"limit": 2})).json()
    second = (await admin.get("/channels", params={"limit": 2, "after": first["next"]})).json()
    broken = await admin.get("/channels", params={"after": "WyJ4Il0"})

    assert [channel["id"] for channel in first["items"] + second["items"]] == made
    assert second["next"] is None
    assert (broken.status_code, broken.json()["error"]["fields"][0]["field"]) == (422, "after")
    assert (await admin.get("/channels", params={"limit": 101})).status_code == 422


async def test_an_enterprise_has_at_most_a_hundred_channels(
    database: Database, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    monkeypatch.setattr(service, "MAX_CHANNELS", 2)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.create_default(tx)
        await service.create(tx, tenant.admin.actor, NewChannel(name="二"))

        with pytest.raises(TooManyChannels):
            await service.create(tx, tenant.admin.actor, NewChannel(name="三"))


async def test_two_at_once_do_not_pass_the_limit_beside_each_other(
    database: Database, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an enterprise that may have two channels and has one, and somebody who is making the second
    tenant = await factories.tenant()
    monkeypatch.setattr(service, "MAX_CHANNELS", 2)
    await _first(database, tenant.enterprise_id)

    async def make() -> Channel:
        async with database.tenant(tenant.enterprise_id) as tx:
            return await service.create(tx, tenant.admin.actor, NewChannel(name="三"))

    # when another one is made at the same moment
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.create(tx, tenant.admin.actor, NewChannel(name="二"))
        at_once = asyncio.create_task(make())
        waits = asyncio.create_task(somebody_waits_for_a_lock(database))
        await asyncio.wait((at_once, waits), return_when=asyncio.FIRST_COMPLETED)

    # then it is one too many
    with pytest.raises(TooManyChannels):
        await at_once
    await waits
    async with database.tenant(tenant.enterprise_id) as tx:
        assert [channel.name for channel in await service.every(tx)] == ["官网", "二"]


async def test_any_page_may_read_the_looks_and_nothing_else(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    await doors.agent(tenant.admin).patch(
        f"/channels/{channel.id}", json={"version": 1, "settings": {"allowed_sites": ["https://secret-staging.example"]}}
    )

    answer = await doors.stranger(headers={"Origin": "https://anywhere.example"}, csrf=None).get(f"/widget/{channel.key}/config")

    assert answer.status_code == 200
    assert sorted(answer.json()) == ["key", "name", "settings"]
    assert "secret-staging" not in answer.text
    assert str(tenant.enterprise_id) not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["cache-control"] == "public, no-cache"


async def test_saved_looks_are_seen_at_once_and_unchanged_ones_are_not_sent_again(
    database: Database, factories: Factories, doors: Doors
) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    stranger, path = doors.stranger(csrf=None), f"/widget/{channel.key}/config"
    etag = (await stranger.get(path)).headers["etag"]

    unchanged = [await stranger.get(path, headers={"If-None-Match": sent}) for sent in (etag, f"W/{etag}", f'"other", {etag}')]
    await doors.agent(tenant.admin).patch(f"/channels/{channel.id}", json={"version": 1, "settings": {"color": "#aa0000"}})
    changed = await stranger.get(path, headers={"If-None-Match": etag})

    for answer in unchanged:
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert answer.headers["access-control-allow-origin"] == "*"
    assert (changed.status_code, changed.json()["settings"]["color"]) == (200, "#aa0000")
    assert changed.headers["etag"] != etag


async def test_a_channel_that_is_off_or_unknown_answers_nobody(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)
    await doors.agent(tenant.admin).patch(f"/channels/{channel.id}", json={"version": 1, "enabled": False})
    stranger = doors.stranger()

    keys = [channel.key, channel.key.swapcase(), "x" * 24, str(channel.id), "x", "x" * 65, "' OR 1=1 --aaaaaaaaaaaaaa", "%00" * 24]
    answers = [await stranger.get(f"/widget/{key}/config") for key in keys]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 404, 422, 404, 404]
    async with database.system() as tx:
        with pytest.raises(NotFound):
            await service.find_by_key(tx, channel.key)


async def test_a_key_is_looked_up_across_enterprises_only_in_a_system_transaction(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await _first(database, tenant.enterprise_id)

    async with database.system() as tx:
        assert await service.find_by_key(tx, channel.key) == channel
    async with database.tenant(tenant.enterprise_id) as tx:
        with pytest.raises(RuntimeError):
            await service.find_by_key(tx, channel.key)


async def test_changes_are_announced_to_those_who_may_see_channels() -> None:
    enterprise_id, channel_id = new_id(), new_id()
    hub = Hub()
    transport = _Recorder()
    viewer = Connection(hub, transport, "192.0.2.1")
    hub.subscribe(viewer, ("point:channels.view", enterprise_id))
    hub.subscribe(Connection(hub, _Recorder(), "192.0.2.2"), ("point:channels.view", new_id()))

    realtime.publish(hub, [ChannelChanged(enterprise_id=enterprise_id, channel_id=channel_id, enabled=True, version=3)])
    viewer.flush()

    assert transport.written == [f'[{{"type":"changed","object":"channel","id":"{channel_id}","version":3}}]']


class _Recorder:
    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, payload: bytes) -> bool:
        self.written.append(payload.decode())
        return True

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(f"closed with {code} {reason}")
