"""Another text for what was written: who may, how long, and that the former text is read nowhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import event

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import InvalidInput, NotAllowed
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import EditMessage, Message, MessageKind, SenderKind, SendMessage
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, NotYours, TooLateToEdit, TooManyEdits
from qiatan.modules.conversations.models import MessageRow
from tests.modules.files.pictures import png
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


@dataclass(frozen=True)
class Scene:
    """A conversation that `agent` serves: the customer's word (1), its beginning (2)."""

    tenant: Tenant
    agent: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, agent, guest, await talk.served(database, guest, agent))


async def _at(database: Database, scene: Scene, seq: int) -> tuple[Message, Message]:
    """A message as the agent and as the customer reads it."""
    agents, guests = await talk.read(database, scene.agent, scene.id), await talk.messages(database, scene.guest, scene.id)
    return next(message for message in agents if message.seq == seq), next(message for message in guests if message.seq == seq)


async def test_both_sides_read_the_newest_text_and_the_list_follows(database: Database, clock: FakeClock, scene: Scene) -> None:
    first = await talk.answer(database, scene.agent, scene.id, "三十原")
    before = await talk.conversation(database, scene.guest, scene.id)
    clock.advance(minutes=15)

    once = await talk.edit(database, scene.agent, scene.id, first.seq, "三十圆")
    twice = await talk.edit(database, scene.agent, scene.id, first.seq, "三十元")

    for message in await _at(database, scene, first.seq):
        assert (message.kind, message.text, message.edited, message.withdrawn) == (MessageKind.TEXT, "三十元", True, False)
    for message in await _at(database, scene, once.seq):
        assert (message.kind, message.text, message.data, message.edited) == (MessageKind.EDIT, None, {"seq": first.seq}, False)
    for message in await _at(database, scene, twice.seq):
        assert (message.text, message.sender_id) == ("三十元", scene.agent.id)
    after = await talk.conversation(database, scene.guest, scene.id)
    assert before.last is not None
    line = before.last.model_copy(update={"preview": "三十元"})
    assert after == before.model_copy(update={"head": twice.seq, "last": line})  # no count, no time, no other line
    assert line.sender_id == scene.agent.id
    assert (await talk.stored(database, scene.tenant.enterprise_id))[first.seq - 1][2] == "三十原"  # the first row stays
    assert await talk.drift(database, scene.tenant.enterprise_id) == []
    assert await talk.gaps(database, scene.tenant.enterprise_id) == []
    async with database.system() as tx:
        assert await service.count_drift(tx) == 0


async def test_a_page_that_holds_only_the_edit_tells_the_text(database: Database, scene: Scene) -> None:
    first = await talk.answer(database, scene.agent, scene.id)
    ack = await talk.edit(database, scene.agent, scene.id, first.seq, "anders")

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        page = await service.messages(tx, scene.agent.actor, scene.id, after_seq=first.seq, before_seq=None, limit=10)

    assert [(message.seq, message.kind, message.text) for message in page.items] == [(ack.seq, "edit", "anders")]


async def test_an_edit_of_an_earlier_line_leaves_the_last_one(database: Database, scene: Scene) -> None:
    first = await talk.answer(database, scene.agent, scene.id)
    await talk.write(database, scene.guest, "还在吗")
    before = await talk.conversation(database, scene.guest, scene.id)

    ack = await talk.edit(database, scene.agent, scene.id, first.seq, "您好呀")

    assert await talk.conversation(database, scene.guest, scene.id) == before.model_copy(update={"head": ack.seq})


async def test_who_may_not_and_what_not(database: Database, factories: Factories, scene: Scene, clock: FakeClock) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id)
    mine = await talk.answer(database, scene.agent, scene.id)
    before = await talk.read(database, scene.agent, scene.id)

    for seq in (1, 2, mine.seq):  # the customer's, the program's, a colleague's
        with pytest.raises(NotAllowed):
            await talk.edit(database, scene.tenant.admin, scene.id, seq, "falsch")
    for seq in (1, 2):
        with pytest.raises(NotAllowed):
            await talk.edit(database, scene.agent, scene.id, seq, "falsch")
    with pytest.raises(ConversationNotFound):
        await talk.edit(database, stranger, scene.id, mine.seq, "falsch")
    for seq in (0, 99):
        with pytest.raises(ConversationNotFound):
            await talk.edit(database, scene.agent, scene.id, seq, "falsch")
    for words in ("", " ", "长" * 5_001, "a\x00"):
        with pytest.raises(InvalidInput) as refused:
            await talk.edit(database, scene.agent, scene.id, mine.seq, words)
        assert refused.value.fields[0].field == "text"
    clock.advance(minutes=15, microseconds=1)
    with pytest.raises(TooLateToEdit):
        await talk.edit(database, scene.agent, scene.id, mine.seq, "zu spät")
    assert await talk.read(database, scene.agent, scene.id) == before


async def test_a_message_is_changed_twenty_times_at_most(database: Database, scene: Scene) -> None:
    first, other = [await talk.answer(database, scene.agent, scene.id) for _ in range(2)]
    last_id = new_id()
    for number in range(19):
        await talk.edit(database, scene.agent, scene.id, first.seq, f"第 {number} 稿")
    last = await talk.edit(database, scene.agent, scene.id, first.seq, "定稿", message_id=last_id)
    before = await talk.read(database, scene.agent, scene.id)

    with pytest.raises(TooManyEdits) as refused:
        await talk.edit(database, scene.agent, scene.id, first.seq, "再改一次")

    assert (refused.value.code, refused.value.status) == ("too_many_edits", 409)
    assert await talk.read(database, scene.agent, scene.id) == before
    # a repeat of the last change is answered as before, and other messages have edits of their own
    assert await talk.edit(database, scene.agent, scene.id, first.seq, "定稿", message_id=last_id) == last
    await talk.edit(database, scene.agent, scene.id, other.seq, "您好呀")


async def test_not_after_its_withdrawal_nor_the_end_nor_when_somebody_else_serves_it(
    database: Database, factories: Factories, scene: Scene
) -> None:
    colleague = await factories.agent(scene.tenant.enterprise_id)
    taken, kept = [await talk.answer(database, scene.agent, scene.id) for _ in range(2)]
    await talk.edit(database, scene.agent, scene.id, taken.seq, "geheim")
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        await service.withdraw(tx, scene.agent.actor, scene.id, taken.seq, new_id())

    with pytest.raises(TooLateToEdit):
        await talk.edit(database, scene.agent, scene.id, taken.seq, "anders")
    for reader in (await talk.read(database, scene.agent, scene.id), await talk.messages(database, scene.guest, scene.id)):
        assert "geheim" not in json.dumps([message.model_dump(mode="json") for message in reader])
        original = next(message for message in reader if message.seq == taken.seq)
        assert (original.withdrawn, original.edited) == (True, False)

    await talk.transfer(database, scene.id, scene.agent, colleague)
    async with database.tenant(scene.tenant.enterprise_id) as tx:  # who sees it still, without serving it
        with pytest.raises((NotYours, ConversationNotFound)):
            await service.edit(tx, scene.agent.actor, scene.id, kept.seq, EditMessage(client_message_id=new_id(), text="anders"))
    own = await talk.answer(database, colleague, scene.id)
    await talk.end(database, colleague, scene.id)
    with pytest.raises(ConversationEnded):
        await talk.edit(database, colleague, scene.id, own.seq, "anders")


async def test_a_repeat_gets_the_first_result(database: Database, scene: Scene) -> None:
    mine = await talk.answer(database, scene.agent, scene.id)
    message_id = new_id()

    first = await talk.edit(database, scene.agent, scene.id, mine.seq, "eins", message_id=message_id)
    again = await talk.edit(database, scene.agent, scene.id, mine.seq, "zwei", message_id=message_id)

    assert again == first
    assert (await _at(database, scene, mine.seq))[0].text == "eins"


async def test_a_picture_has_no_text(database: Database, doors: Doors, scene: Scene) -> None:
    http = doors.agent(scene.agent)
    file = (await http.post("/files", files={"file": ("a.png", png(), "image/png")})).json()
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        message = SendMessage(client_message_id=new_id(), kind=MessageKind.PICTURE, file_id=UUID(file["id"]))
        ack = await service.send(tx, scene.agent.actor, scene.id, message)

    with pytest.raises(InvalidInput) as refused:
        await talk.edit(database, scene.agent, scene.id, ack.seq, "anders")

    assert refused.value.fields[0].field == "seq"


async def test_a_note_is_edited_by_its_writer_and_the_customer_learns_nothing(database: Database, doors: Doors, scene: Scene) -> None:
    ack = await talk.note(database, scene.tenant.admin, scene.id, "erste Fassung")
    before = await talk.conversation(database, scene.guest, scene.id)
    socket = await doors.visitor_socket(scene.guest.token)
    page = await doors.agent_socket(scene.agent)
    for one in (socket, page):
        await one.send(type="subscribe", topic="mine")
        await one.next("subscribed")

    changed = await doors.agent(scene.tenant.admin).post(
        f"/conversations/{scene.id}/messages/{ack.seq}/edit", json={"client_message_id": str(new_id()), "text": "zweite Fassung"}
    )

    assert changed.status_code == 200, changed.text
    for_agent, for_guest = await _at(database, scene, ack.seq)
    assert (for_agent.text, for_agent.edited) == ("zweite Fassung", True)
    assert (for_guest.text, for_guest.edited, for_guest.sender_id) == (None, False, None)
    row_for_agent, row_for_guest = await _at(database, scene, changed.json()["seq"])
    assert (row_for_agent.kind, row_for_agent.data) == (MessageKind.EDIT, {"seq": ack.seq, "note": True})
    assert (row_for_guest.kind, row_for_guest.sender_kind, row_for_guest.data) == (MessageKind.NOTE, SenderKind.SYSTEM, None)
    assert "Fassung" not in json.dumps(await socket.settle())
    heard = [frame for frame in await page.settle() if frame["type"] == "message"]
    assert [(frame["kind"], frame["text"]) for frame in heard] == [("edit", "zweite Fassung")]
    assert await talk.conversation(database, scene.guest, scene.id) == before.model_copy(update={"head": changed.json()["seq"]})
    assert await talk.drift(database, scene.tenant.enterprise_id) == []


async def test_over_the_socket_also_what_was_sent_a_moment_before(database: Database, doors: Doors, scene: Scene) -> None:
    page, other, guest = (
        await doors.agent_socket(scene.agent),
        await doors.agent_socket(scene.agent),
        await doors.visitor_socket(scene.guest.token),
    )
    for one in (page, other, guest):
        await one.send(type="subscribe", topic="mine")
        await one.next("subscribed")
    sent, changed = str(new_id()), str(new_id())

    await page.send(type="send", client_message_id=sent, conversation_id=scene.id, kind="text", text="erst")
    await page.send(type="edit", client_message_id=changed, conversation_id=scene.id, seq=3, text="dann")

    acks = [await page.next("ack") for _ in range(2)]
    assert [(ack["client_message_id"], ack["seq"]) for ack in acks] == [(sent, 3), (changed, 4)]
    for one in (other, guest):
        heard = [frame for frame in await one.settle() if frame["type"] == "message"]
        assert [(frame["seq"], frame["kind"], frame["text"]) for frame in heard] == [(3, "text", "erst"), (4, "edit", "dann")]
        assert heard[1]["data"] == {"seq": 3}


async def test_over_the_socket_the_refusals_name_the_frame(doors: Doors, scene: Scene) -> None:
    page, guest = await doors.agent_socket(scene.agent), await doors.visitor_socket(scene.guest.token)
    message_id = str(new_id())

    await page.send(type="edit", client_message_id=message_id, conversation_id=scene.id, seq=1, text="falsch")
    refused = await page.next("error")
    await guest.send(type="edit", client_message_id=message_id, conversation_id=scene.id, seq=1, text="falsch")
    closed = await guest.next("error")

    assert (refused["code"], refused["ref"]) == ("not_allowed", message_id)
    assert (closed["code"], closed["ref"]) == ("not_allowed", message_id)


async def test_who_has_joined_edits_what_they_wrote(database: Database, factories: Factories, scene: Scene) -> None:
    leader = await factories.agent(scene.tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    await talk.join(database, leader, scene.id)
    ack = await talk.answer(database, leader, scene.id, "von mir")

    await talk.edit(database, leader, scene.id, ack.seq, "auch von mir")

    assert [message.text for message in await _at(database, scene, ack.seq)] == ["auch von mir"] * 2


async def test_of_many_edits_only_the_newest_is_read(database: Database, scene: Scene) -> None:
    first = await talk.answer(database, scene.agent, scene.id)
    for number in range(5):
        await talk.edit(database, scene.agent, scene.id, first.seq, f"{number}")
    loaded: list[int] = []

    def note(row: MessageRow, *_: object) -> None:
        loaded.append(row.seq)

    event.listen(MessageRow, "load", note)
    try:
        async with database.tenant(scene.tenant.enterprise_id) as tx:
            page = await service.messages(tx, scene.agent.actor, scene.id, after_seq=first.seq - 1, before_seq=None, limit=1)
    finally:
        event.remove(MessageRow, "load", note)

    assert [(message.text, message.edited) for message in page.items] == [("4", True)]
    assert loaded == [first.seq, first.seq + 5]
