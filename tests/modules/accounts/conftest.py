"""Fixtures of the accounts' tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from qiatan.modules.accounts.service import hashing
from tests.modules.accounts.changing import Change
from tests.support.doors import Doors
from tests.support.factories import Factories, Member


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[PasswordHasher]:
    """Hashes with cheap parameters, as most tests do not speak of them. Gives the real maker of hashes to those that do."""
    real = hashing._HASHER
    monkeypatch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    hashing._of_nobody.cache_clear()
    yield real
    hashing._of_nobody.cache_clear()


@pytest.fixture
def change(doors: Doors, factories: Factories) -> Change:
    """Change an account through the door; `role` is a name, as the factories take it."""

    async def send(by: Member, whom: Member, *, role: str | None = None, **changed: Any) -> Any:
        if role is not None:
            changed["role_id"] = str(await factories.role_id(whom.enterprise_id, role))
        return await doors.agent(by).patch(f"/agents/{whom.id}", json={"version": 1, **changed})

    return send
