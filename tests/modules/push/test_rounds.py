"""Calls of many enterprises: each has its turn, and none is held up or crowded out by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.modules.push import subscribers
from qiatan.modules.push.contracts import Notice, NoticeKind
from qiatan.modules.push.subscribers import Caller
from tests.support.clock import NOON
from tests.support.factories import Factories, Member

PATIENCE = 30
Begin = Callable[[Iterable[Notice]], Caller]


def _notice(member: Member, words: str = "在吗", *, conversation_id: UUID | None = None) -> Notice:
    return Notice(
        enterprise_id=member.enterprise_id,
        agent_id=member.id,
        kind=NoticeKind.MESSAGE,
        conversation_id=conversation_id or new_id(),
        customer_id=new_id(),
        text=words,
        at=NOON,
    )


@pytest.fixture
async def members(factories: Factories) -> list[Member]:
    return [(await factories.tenant()).admin for _ in range(3)]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words of each round that left jobs."""
    rounds: list[list[str]] = []

    async def call(_: Tx, __: Resources, notices: Sequence[Notice]) -> None:
        rounds.append([notice.text for notice in notices])

    monkeypatch.setattr("qiatan.modules.push.service.call", call)
    return rounds


@pytest.fixture
async def begin(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Calls what waits, as one of several nodes."""
    several = SimpleNamespace(relay=SimpleNamespace(alone=False), node=resources.node, database=resources.database)
    caller = Caller(cast("Resources", several))
    monkeypatch.setattr(subscribers, "GATHER_SECONDS", 0.0)

    def began(notices: Iterable[Notice]) -> Caller:
        for notice in notices:
            caller._add(notice)
        caller.start()
        return caller

    yield began
    await caller.close()


async def test_what_comes_together_is_asked_once_for_each_enterprise(
    begin: Begin, called: list[list[str]], members: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "AT_ONCE", 1)

    await begin(_notice(member, f"{whose}{number}") for number in range(3) for whose, member in enumerate(members)).settled()

    assert called == [["00", "01", "02"], ["10", "11", "12"], ["20", "21", "22"]]


async def test_a_later_notice_of_a_conversation_takes_the_place_of_one_that_waits(
    begin: Begin, called: list[list[str]], members: list[Member]
) -> None:
    conversation_id = new_id()

    await begin(_notice(members[0], words, conversation_id=conversation_id) for words in ("在吗", "还在吗")).settled()

    assert called == [["还在吗"]]


async def test_who_has_many_waiting_lets_the_others_have_their_turn(
    begin: Begin, called: list[list[str]], members: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "AT_ONCE", 1)
    monkeypatch.setattr(subscribers, "BATCH", 2)
    crowd, few, _ = members

    await begin([*(_notice(crowd, f"多{number}") for number in range(5)), _notice(few, "少")]).settled()

    assert called == [["多0", "多1"], ["少"], ["多2", "多3"], ["多4"]]


async def test_an_enterprise_that_waits_for_a_lock_holds_up_nobody_else(
    begin: Begin, members: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an enterprise whose calls do not get on
    stuck, others = members[0], members[1:]
    free, reached = asyncio.Event(), asyncio.Event()
    called: list[UUID] = []

    async def call(tx: Tx, _: Resources, __: Sequence[Notice]) -> None:
        if tx.enterprise_id == stuck.enterprise_id:
            await free.wait()
        called.append(tx.enterprise_id)
        if len(called) == len(others):
            reached.set()

    monkeypatch.setattr("qiatan.modules.push.service.call", call)

    # when the others have some too
    caller = begin(_notice(member) for member in members)

    # then theirs are left, and its own as soon as it gets on
    await asyncio.wait_for(reached.wait(), PATIENCE)
    assert set(called) == {member.enterprise_id for member in others}
    free.set()
    await caller.settled()
    assert called[-1] == stuck.enterprise_id


async def test_too_many_of_one_enterprise_cost_its_own_oldest(
    begin: Begin, called: list[list[str]], members: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "AT_ONCE", 1)
    monkeypatch.setattr(subscribers, "MOST_WAITING", 6)
    few, crowd, _ = members

    await begin([_notice(few, "少"), *(_notice(crowd, f"多{number}") for number in range(10))]).settled()

    assert called == [["少"], ["多7", "多8", "多9"]]


async def test_calls_of_one_enterprise_that_fail_stop_nobodys(begin: Begin, members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "AT_ONCE", 1)
    called: list[UUID] = []

    async def call(tx: Tx, _: Resources, __: Sequence[Notice]) -> None:
        if tx.enterprise_id == members[0].enterprise_id:
            raise RuntimeError("broken")
        called.append(tx.enterprise_id)

    monkeypatch.setattr("qiatan.modules.push.service.call", call)

    await begin(_notice(member) for member in members).settled()

    assert called == [member.enterprise_id for member in members[1:]]
