"""Calls of many enterprises are gathered together, not one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
from tests.support.factories import Factories


async def test_all_enterprises_wait_for_one_pause(resources: Resources, factories: Factories, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[UUID] = []
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def call(_: Tx, __: Resources, notices: Sequence[Notice]) -> None:
        called.extend(notice.agent_id for notice in notices)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    several = SimpleNamespace(relay=SimpleNamespace(alone=False), node=resources.node, database=resources.database)
    monkeypatch.setattr("qiatan.modules.push.service.call", call)
    monkeypatch.setattr(subscribers, "BATCH", 2)
    monkeypatch.setattr(asyncio, "sleep", pause)
    admins = [(await factories.tenant()).admin for _ in range(3)]
    caller = Caller(cast("Resources", several))
    expected = []
    for admin in admins:
        for _ in range(3):
            expected.append(admin.id)
            caller._add(
                Notice(
                    enterprise_id=admin.enterprise_id,
                    agent_id=admin.id,
                    kind=NoticeKind.MESSAGE,
                    conversation_id=new_id(),
                    customer_id=new_id(),
                    text="在吗",
                    at=NOON,
                )
            )

    pauses.clear()
    caller.start()
    await caller.settled()
    await caller.close()

    assert called == expected
    assert pauses.count(subscribers.GATHER_SECONDS) == 1
