from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.http.downloads import picture_response
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.files import jobs, service
from qiatan.modules.files.contracts import Blob
from qiatan.modules.files.errors import FileNotFound
from tests.modules.files.pictures import opened, png
from tests.modules.files.world import World
from tests.support.clock import FakeClock
from tests.support.factories import Factories


async def test_a_picture_is_read_through_its_conversation_only(world: World, factories: Factories) -> None:
    conversation, other = new_id(), new_id()
    file = await world.keep(world.visitor, name="手冲.png", content=png(1000, 500))
    stranger = await factories.tenant()

    with pytest.raises(FileNotFound):
        await world.read(world.tenant.enterprise_id, conversation, file.id)
    attached = await world.attach(world.visitor, file, conversation, new_id())

    assert attached == file
    full = await world.read(world.tenant.enterprise_id, conversation, file.id)
    thumb = await world.read(world.tenant.enterprise_id, conversation, file.id, thumb=True)
    assert (full.content_type, full.name, opened(full.content).size) == ("image/png", "手冲.png", (1000, 500))
    assert (thumb.content_type, thumb.name, opened(thumb.content).size) == ("image/webp", "手冲.webp", (480, 240))
    for enterprise_id, where, file_id in (
        (world.tenant.enterprise_id, other, file.id),
        (world.tenant.enterprise_id, conversation, new_id()),
        (stranger.enterprise_id, conversation, file.id),
    ):
        with pytest.raises(FileNotFound) as refused:
            await world.read(enterprise_id, where, file_id)
        assert (refused.value.status, refused.value.code) == (404, "file_not_found")


async def test_only_who_sent_a_picture_puts_it_into_a_conversation(world: World, factories: Factories) -> None:
    file = await world.keep(world.visitor)
    conversation, message = new_id(), new_id()
    others: list[AgentActor | VisitorActor] = [
        world.agent,
        replace(world.visitor, customer_id=new_id()),
        replace(world.agent, agent_id=world.visitor.customer_id),
        (await factories.tenant()).admin.actor,
    ]

    for actor in others:
        with pytest.raises(FileNotFound):
            await world.attach(actor, file, conversation, message)

    assert await world.attach(world.visitor, file, conversation, message) == file


async def test_a_picture_goes_into_one_message_and_repeating_that_is_safe(world: World) -> None:
    file = await world.keep(world.visitor)
    conversation, other, message = new_id(), new_id(), new_id()
    await world.attach(world.visitor, file, conversation, message)

    assert await world.attach(world.visitor, file, conversation, message) == file
    with pytest.raises(FileNotFound):
        await world.attach(world.visitor, file, conversation, new_id())
    assert (await world.read(world.tenant.enterprise_id, conversation, file.id)).content

    await world.attach(world.visitor, file, other, message)
    async with world.resources.database.tenant(world.tenant.enterprise_id) as tx:
        assert await service.conversation_of(tx, file.id) == other
    with pytest.raises(FileNotFound):
        await world.read(world.tenant.enterprise_id, conversation, file.id)


async def test_of_two_messages_at_once_one_gets_the_picture(world: World) -> None:
    file = await world.keep(world.visitor)

    results = await asyncio.gather(*(world.attach(world.visitor, file, new_id(), new_id()) for _ in range(4)), return_exceptions=True)

    assert [type(result) for result in results].count(FileNotFound) == 3
    assert file in results


async def test_a_withdrawn_picture_is_gone_at_once_and_its_contents_soon(world: World) -> None:
    conversation = new_id()
    file = await world.keep(world.visitor)
    await world.attach(world.visitor, file, conversation, new_id())
    enterprise_id = world.tenant.enterprise_id
    async with world.resources.database.tenant(enterprise_id) as tx:
        await service.remove_attached(tx, conversation_id=new_id(), file_id=file.id)
    assert (await world.read(enterprise_id, conversation, file.id)).content

    async with world.resources.database.tenant(enterprise_id) as tx:
        await service.remove_attached(tx, conversation_id=conversation, file_id=file.id)
        await service.remove_attached(tx, conversation_id=conversation, file_id=file.id)

    for thumb in (False, True):
        with pytest.raises(FileNotFound):
            await world.read(enterprise_id, conversation, file.id, thumb=thumb)
    async with world.resources.database.tenant(enterprise_id) as tx:
        with pytest.raises(FileNotFound):
            await service.conversation_of(tx, file.id)
    with pytest.raises(FileNotFound):
        await world.attach(world.visitor, file, conversation, new_id())
    assert await world.run_deletions() == 1
    assert world.on_disk() == []


async def test_a_withdrawal_that_fails_deletes_nothing(world: World) -> None:
    conversation = new_id()
    file = await world.keep(world.visitor)
    await world.attach(world.visitor, file, conversation, new_id())

    async def withdraw_and_fail() -> None:
        async with world.resources.database.tenant(world.tenant.enterprise_id) as tx:
            await service.remove_attached(tx, conversation_id=conversation, file_id=file.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await withdraw_and_fail()

    assert await world.run_deletions() == 0
    assert (await world.read(world.tenant.enterprise_id, conversation, file.id)).content


async def test_pictures_unused_for_a_day_are_deleted_and_used_ones_stay(world: World, clock: FakeClock) -> None:
    conversation = new_id()
    used, unused = await world.keep(world.visitor), await world.keep(world.visitor)
    await world.attach(world.visitor, used, conversation, new_id())
    clock.advance(hours=24)
    await jobs.purge_unused.run(world.resources)
    assert await world.rows() == 2

    clock.advance(seconds=1)
    await jobs.purge_unused.run(world.resources)
    await world.run_deletions()
    await jobs.purge_unused.run(world.resources)

    assert await world.rows() == 1
    assert len(world.on_disk()) == 2
    assert (await world.read(world.tenant.enterprise_id, conversation, used.id)).content
    with pytest.raises(FileNotFound):
        await world.attach(world.visitor, unused, conversation, new_id())


def test_a_picture_is_handed_out_so_that_it_can_do_nothing() -> None:
    shown = picture_response(Blob(content=b"x", content_type="image/png", name='手"冲\r\n.png'))
    saved = picture_response(Blob(content=b"<script>", content_type="image/svg+xml", name="a.svg"))

    assert dict(shown.headers) == {
        "content-length": "1",
        "content-type": "image/png",
        "content-disposition": "inline; filename*=UTF-8''%E6%89%8B%22%E5%86%B2%0D%0A.png",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "private, max-age=3600",
        "vary": "Authorization, Cookie",
    }
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment;")
